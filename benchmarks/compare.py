#!/usr/bin/env python3
"""Measures crema against PyTorch, against its own plain path and against the machine; prints the tables.

Started by run.sh, which builds what is needed. Only Python's standard library is used here; PyTorch runs in processes
of the interpreter that --python names.
"""
import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile

import roofline
from nets import NETS
from tables import Table, megabytes, milliseconds, ratio, write_between_markers
from workers import WorkerError, alternate, crema_worker, torch_worker

PHASES = {"TRAIN": "training", "TEST": "inference"}
LAYOUTS = ["contiguous", "channels_last"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def layouts_of(net):
    return LAYOUTS if len(net.data) == 4 else LAYOUTS[:1]


def memory(worker):
    answer = worker.ask("memory")
    return {"net": answer["peak"] - answer["before"], "whole": answer["peak"]}


def measure(args, net, phase):
    """{"crema": {"ms", "net", "whole"}, "plain": ..., "torch": ... with "layout"}, without what was not measured."""
    workers = []
    try:
        workers.append(crema_worker(args, net, phase, args.engine))
        if args.plain:
            workers.append(crema_worker(args, net, phase, "plain"))
        if args.torch:
            workers += [torch_worker(args, net, phase, layout) for layout in layouts_of(net)]
        series = alternate(workers, args.rounds, args.milliseconds, args.clock)
        sides = {}
        for name, one in series.items():
            sides[name] = {"ms": one.median(), "rounds": one.medians, **memory(one.worker)}
        torch = {name.split()[1]: side for name, side in sides.items() if name.startswith("torch")}
        if torch:
            best = min(torch, key=lambda layout: torch[layout]["ms"])
            sides["torch"] = {**torch[best], "layout": best}
        return sides
    finally:
        for worker in workers:
            worker.close()


def check(args, net):
    """Whether both sides compute the same from equal numbers: the losses of some iterations, or the output in TEST."""
    worst = 0
    for phase in PHASES:
        extra = ["--no-dropout", "--rate", "0.001"]
        crema = crema_worker(args, net, phase, args.engine, extra)
        torch = torch_worker(args, net, phase, "contiguous", extra)
        try:
            with tempfile.NamedTemporaryFile() as file:
                blobs = crema.ask(f"dump {file.name}")["blobs"]
                torch.ask(f"load {file.name} {json.dumps(blobs)}")
            ours, theirs = crema.about["parameters"], torch.about["parameters"]
            if phase == "TRAIN":
                pairs = [(crema.ask("run 1")["loss"], torch.ask("run 1")["loss"]) for _ in range(4)]
            else:
                crema.ask("run 1")
                a, b = crema.ask("output"), torch.ask("output")
                pairs = [(a["mean_abs"], b["mean_abs"]), *zip(a["first"], b["first"])]
            scale = max(abs(b) for _, b in pairs)
            worst = max(abs(a - b) / scale for a, b in pairs)
            print(f"{net.name}, {PHASES[phase]}: {ours} parameters, PyTorch {theirs}; relative difference {worst:.1e}; "
                  + " ".join(f"{a:.6g}/{b:.6g}" for a, b in pairs[:4]), flush=True)
        finally:
            crema.close()
            torch.close()


def torch_table(results):
    table = Table("llrrlrrrrr", ["net, batch", "pass", "crema ms", "PyTorch ms", "its layout", "PyTorch / crema",
                                 "crema MB", "PyTorch MB", "crema / PyTorch", "whole processes MB"])
    for title, phases in results["nets"].items():
        for phase, sides in phases.items():
            ours, theirs = sides["crema"], sides.get("torch", {})
            table.add(title, PHASES[phase], milliseconds(ours["ms"]), milliseconds(theirs.get("ms")),
                      theirs.get("layout", "-"), ratio(theirs.get("ms"), ours["ms"]), megabytes(ours["net"]),
                      megabytes(theirs.get("net")), ratio(ours["net"], theirs.get("net")),
                      f"{megabytes(ours['whole'])}, {megabytes(theirs.get('whole'))}")
    return table


def plain_table(results):
    table = Table("llrrrr", ["net, batch", "pass", "engine ms", "plain ms", "plain / engine", "PyTorch / plain"])
    for title, phases in results["nets"].items():
        for phase, sides in phases.items():
            if "plain" not in sides:
                continue
            engine, plain = sides["crema"]["ms"], sides["plain"]["ms"]
            table.add(title, PHASES[phase], milliseconds(engine), milliseconds(plain), ratio(plain, engine),
                      ratio(sides.get("torch", {}).get("ms"), plain))
    return table


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return "unknown"


def describe(results):
    machine, torch = results["machine"], results.get("torch")
    sides = f"crema in {results['precision']}" + (f", PyTorch {torch}" if torch else "")
    bandwidth = max(machine["copy"], machine["triad"])
    return (f"{results['date']}, {machine['processor']}, {results['threads']} threads, {sides};\nsgemm "
            f"{machine['gemm_flops'] / 1e9:.0f} GFLOP/s, memory {bandwidth / 1e9:.1f} GB/s\n")


def torch_version(python):
    """None where that interpreter has no PyTorch."""
    try:
        run = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
    except OSError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def parse_arguments():
    parser = argparse.ArgumentParser(description="Measures crema against PyTorch, its plain path and the machine.")
    parser.add_argument("--nets", default="", help="some of " + ",".join(net.name for net in NETS) +
                        "; none: only the tables of --results")
    parser.add_argument("--phases", default="TRAIN,TEST")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--milliseconds", type=float, default=400, help="that a round takes of each side, about")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="few short rounds, without the plain path")
    parser.add_argument("--no-plain", dest="plain", action="store_false")
    parser.add_argument("--no-torch", dest="torch", action="store_false")
    parser.add_argument("--no-roofline", dest="roofline", action="store_false")
    parser.add_argument("--check", action="store_true",
                        help="compare losses and outputs from equal weights instead of measuring")
    parser.add_argument("--engine", default="onednn")
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"],
                        help="of crema's products; PyTorch's are f32")
    parser.add_argument("--deterministic", action="store_true",
                        help="direct convolutions alone; else those measured to be the fastest")
    parser.add_argument("--write", help="a document whose tables are replaced")
    parser.add_argument("--results", help="a JSON file that keeps what was measured; nets of earlier runs stay in it")
    parser.add_argument("--crema", required=True, help="the program net_benchmark")
    parser.add_argument("--tool", required=True, help="the program crema")
    parser.add_argument("--python", default="/usr/bin/python3", help="an interpreter that has PyTorch")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"],
                        help="cpu: processor time of all threads, less disturbed where others run; waits are passive")
    for side in ["crema", "torch"]:
        parser.add_argument(f"--{side}-policy", default="default", choices=["default", "passive", "active"],
                            help="OMP_WAIT_POLICY of its processes")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.milliseconds, args.plain = 3, 200, False
    if args.clock == "cpu":
        args.crema_policy = args.torch_policy = "passive"
    return args


def chosen_nets(args):
    if args.nets == "none":
        return []
    names = args.nets.split(",") if args.nets else [net.name for net in NETS]
    unknown = set(names) - {net.name for net in NETS}
    if unknown:
        raise SystemExit(f"--nets: unknown {', '.join(sorted(unknown))}; known: {', '.join(n.name for n in NETS)}")
    return [net for net in NETS if net.name in names]


def load_results(path):
    if path and os.path.exists(path):
        with open(path) as file:
            return json.load(file)
    return {"nets": {}}


def measure_all(args, nets, results):
    machine = json.loads(subprocess.run([args.crema, "--machine", "--threads", str(args.threads)], check=True,
                                        capture_output=True, text=True).stdout)
    results.update(date=datetime.date.today().isoformat(), threads=args.threads, precision=args.precision,
                   machine={**machine, "processor": processor()})
    for net in nets:
        for phase in args.phases.split(","):
            say(f"{net.name}, {PHASES[phase]} ...")
            sides = measure(args, net, phase)
            say("  " + ", ".join(f"{name} {milliseconds(side['ms'])} ms" for name, side in sides.items()))
            results["nets"].setdefault(net.title(), {})[phase] = sides
        if net.name == roofline.NET and args.roofline:
            results["roofline"] = roofline.measure(args, net)
        save_results(args.results, results)


def save_results(path, results):
    order = [net.title() for net in NETS]
    results["nets"] = dict(sorted(results["nets"].items(), key=lambda item: order.index(item[0])))
    if path:
        with open(path, "w") as file:
            json.dump(results, file)


def main():
    args = parse_arguments()
    nets = chosen_nets(args)
    version = torch_version(args.python) if args.torch else None
    if args.torch and version is None:
        say(f"{args.python} has no PyTorch (Debian: python3-torch): its columns stay empty")
        args.torch = False
    try:
        if args.check:
            for net in nets:
                check(args, net)
            return
        results = load_results(args.results)
        if version:
            results["torch"] = version
        if nets:
            measure_all(args, nets, results)
    except WorkerError as error:
        raise SystemExit(f"compare.py: {error}")
    tables = {"torch": torch_table(results)}
    if any("plain" in sides for phases in results["nets"].values() for sides in phases.values()):
        tables["plain"] = plain_table(results)
    if "roofline" in results:
        tables["roofline"] = roofline.table(results["roofline"], results["machine"])
    print(describe(results))
    for table in tables.values():
        print(table.text())
    if args.write:
        write_between_markers(args.write, "machine", describe(results))
        for name, table in tables.items():
            write_between_markers(args.write, name, table.markdown())


if __name__ == "__main__":
    main()
