#!/usr/bin/python3
"""The benchmark's nets in PyTorch, measured on request as net_benchmark.cpp measures crema's: each line on standard
input is a command, each answer one line of JSON on standard output.

  run N [W]   N iterations (TRAIN) or forward passes (TEST), after W that do not count
  memory      peak of resident memory, and what was resident before the net was made, in bytes
  load FILE BLOBS   inputs and parameters from a dump of net_benchmark, BLOBS its answer in JSON
  output      the mean absolute value of the output and its first numbers
"""
import argparse
import json
import sys
import time

import torch
import torch_models


def status(key):
    """A line of /proc/self/status, "VmHWM:   1234 kB", in bytes."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak():
    """Resets the peak of memory, so that it is the peak from now on."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


class Worker:
    def __init__(self, args):
        torch.set_num_threads(args.threads)
        torch.manual_seed(1)
        self.train = args.phase == "TRAIN"
        self.channels_last = args.layout == "channels_last"
        self.shapes = {name: dims for name, dims in (parse_shape(text) for text in args.shape)}
        reset_peak()
        self.before = status("VmRSS")
        self.model = torch_models.make(args.net, self.train)
        torch_models.set_dropout(self.model, not args.no_dropout)
        if self.channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.model.train(self.train)
        self.place(torch.randn(self.shapes["data"]))
        if self.train:
            self.label = torch.randint(args.classes, self.shapes["label"])
            self.optimizer = torch.optim.SGD(self.model.parameters(), lr=args.rate, momentum=0.9,
                                             weight_decay=0.0005, foreach=args.foreach)

    def place(self, data):
        self.data = data.contiguous(memory_format=torch.channels_last) if self.channels_last else data

    def about(self):
        return {"net": type(self.model).__name__, "parameters": sum(p.numel() for p in self.model.parameters()),
                "torch": torch.__version__}

    def iterate(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model.loss(self.data, self.label)
        loss.backward()
        self.optimizer.step()
        return loss

    def run(self, passes, warm_up=0):
        wall, cpu, loss = [], [], torch.zeros(())
        for i in range(-warm_up, passes):
            start, cpu_start = time.perf_counter(), time.process_time()
            if self.train:
                loss = self.iterate()
            else:
                with torch.inference_mode():
                    self.model(self.data)
            if i >= 0:
                wall.append(1000 * (time.perf_counter() - start))
                cpu.append(1000 * (time.process_time() - cpu_start))
        return {"wall": wall, "cpu": cpu, "loss": loss.item()}

    def output(self):
        with torch.inference_mode():
            y = self.model(self.data).flatten()
        return {"mean_abs": y.abs().mean().item(), "first": y[:8].tolist()}

    def load(self, path, blobs):
        with open(path, "rb") as file:
            numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
        counts = [torch.Size(blob["shape"]).numel() for blob in blobs]
        tensors = [part.view(blob["shape"]) for part, blob in zip(numbers.split(counts), blobs)]
        inputs = {blob["name"]: tensor for blob, tensor in zip(blobs, tensors) if blob["name"]}
        self.place(inputs["data"].clone())
        if "label" in inputs:
            self.label = inputs["label"].long()
        parameters = tensors[sum(1 for blob in blobs if blob["name"]):]
        with torch.no_grad():
            torch_models.load(self.model, parameters)
        return {}

    def answer(self, line):
        command, *words = line.split(maxsplit=2)
        if command == "run":
            return self.run(*(int(word) for word in words))
        if command == "memory":
            return {"peak": status("VmHWM"), "before": self.before}
        if command == "output":
            return self.output()
        if command == "load":
            return self.load(words[0], json.loads(words[1]))
        return {"error": f"unknown command {line!r}"}


def parse_shape(text):
    name, dims = text.split("=")
    return name, [int(dim) for dim in dims.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", required=True)
    parser.add_argument("--phase", default="TRAIN")
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("--layout", default="contiguous", choices=["contiguous", "channels_last"])
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--no-dropout", action="store_true")
    parser.add_argument("--foreach", action="store_true", default=None)
    worker = Worker(parser.parse_args())
    print(json.dumps(worker.about()), flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        print(json.dumps(worker.answer(line)), flush=True)


if __name__ == "__main__":
    main()
