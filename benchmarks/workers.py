"""Processes that measure a net on request: crema's net_benchmark and torch_nets.py.

A worker is stopped (SIGSTOP) whenever it is not asked: threads that wait for work by spinning, as OpenMP's may, then
take nothing from the one that is measured.
"""
import json
import os
import signal
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class WorkerError(Exception):
    pass


class Worker:
    """A process that answers lines with lines of JSON."""

    def __init__(self, name, command, threads, policy):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OMP_DYNAMIC="false")
        environment.pop("OMP_WAIT_POLICY", None)
        if policy != "default":
            environment["OMP_WAIT_POLICY"] = policy
        self.name, self.command = name, command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)
        try:
            self.about = self._read()
        except WorkerError:
            self.close()
            raise
        self._stop()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.name} ended: {' '.join(self.command)}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}")
        return answer

    def _stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def ask(self, line):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self._read()
        self._stop()
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def shape_flags(shapes):
    return [f"--shape={name}={','.join(str(dim) for dim in dims)}" for name, dims in shapes.items()]


def crema_worker(args, net, phase, engine, extra=()):
    command = [args.crema, "--model", net.model, "--phase", phase, "--engine", engine,
               "--precision", args.precision, "--threads", str(args.threads), "--classes", str(net.classes),
               *shape_flags(net.shapes_in(phase)), *extra]
    command += [f"--stage={stage}" for stage in net.stages_in(phase)]
    if args.deterministic:
        command.append("--deterministic")
    return Worker("crema" if engine != "plain" else "plain", command, args.threads, args.crema_policy)


def torch_worker(args, net, phase, layout, extra=()):
    command = [args.python, os.path.join(HERE, "torch_nets.py"), "--net", net.name, "--phase", phase, "--layout",
               layout, "--threads", str(args.threads), "--classes", str(net.classes),
               *shape_flags(net.shapes_in(phase)), *extra]
    return Worker("torch " + layout, command, args.threads, args.torch_policy)


def passes_for(milliseconds, target):
    return max(1, min(200, round(target / max(milliseconds, 1e-3))))


class Series:
    """What one worker measured."""

    def __init__(self, worker, clock):
        self.worker, self.clock, self.medians = worker, clock, []
        worker.ask("run 1")
        self.estimate = min(worker.ask("run 2")["wall"])

    def round(self, target):
        warm_up = 1 if self.estimate < target / 4 else 0  # others have used the caches since
        answer = self.worker.ask(f"run {passes_for(self.estimate, target)} {warm_up}")
        self.medians.append(statistics.median(answer[self.clock]))
        self.estimate = min(self.estimate, statistics.median(answer["wall"]))

    def median(self):
        return statistics.median(self.medians)


def alternate(workers, rounds, target, clock):
    """Measures the workers in turn; returns {name: Series}. Each round begins with another worker and takes `target` ms
    of each. The slower one of PyTorch's layouts is dropped after a third of the rounds. A worker that takes much longer
    than the others is measured only in each third round."""
    series = [Series(worker, clock) for worker in workers]
    fastest = min(s.estimate for s in series)
    left_out = set()
    for k in range(rounds):
        order = series[k % len(series):] + series[:k % len(series)]
        for one in order:
            slow = one.estimate > 4 * fastest and one.estimate > target
            if one.worker.name not in left_out and not (slow and k % 3 != 0):
                one.round(target)
        if k == max(1, rounds // 3) - 1:
            torch = sorted((s for s in series if s.worker.name.startswith("torch")), key=Series.median)
            left_out = {s.worker.name for s in torch[1:]}
    return {s.worker.name: s for s in series}
