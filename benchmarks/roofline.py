"""The time of a net's layers, compared with the least time that the machine needs. That is the longer of two times:
their floating-point operations at the rate of sgemm, and their bytes, each once, at the memory's bandwidth. Layers that
find in the caches what others wrote can be faster.
"""
import json
import subprocess

from tables import Table
from workers import shape_flags

NET = "resnet50"


def measure(args, net):
    """The layers of `crema time`."""
    command = [args.tool, "time", "--model", net.model, "--iterations", "10", "--threads", str(args.threads),
               "--engine", args.engine, "--precision", args.precision, "--json", *shape_flags(net.shapes_in("TRAIN"))]
    command += [f"--stage={stage}" for stage in net.stages_in("TRAIN")]
    if args.deterministic:
        command.append("--deterministic")
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{run.stderr}")
    return json.loads(run.stdout)["layers"]


def floor_ms(cost, machine):
    flops = 2 * cost["multiply_adds"] / machine["gemm_flops"]
    return 1000 * max(flops, cost["bytes"] / max(machine["copy"], machine["triad"]))


def kind(layer):
    """Layers of one kind share a row: the same type on the same shapes."""
    def shape(blobs):
        return "x".join(str(dim) for dim in blobs[0]["shape"][1:]) if blobs else ""
    return layer["type"], shape(layer["bottoms"]), shape(layer["tops"])


def group(layers, machine):
    """{kind: [layers, forward ms, its floor, backward ms, its floor]}; layers that others compute take no time and have
    no floor."""
    groups = {}
    for layer in layers:
        sums = groups.setdefault(kind(layer), [0, 0, 0, 0, 0])
        sums[0] += 1
        for k, direction in enumerate(["forward", "backward"]):
            cost = layer[direction]
            if cost["time_ms"] > 0:
                sums[1 + 2 * k] += cost["time_ms"]
                sums[2 + 2 * k] += floor_ms(cost, machine)
    return {name: sums for name, sums in groups.items() if sums[1] + sums[3] > 0}


def share(floor, time):
    return "-" if time == 0 else f"{100 * floor / time:.0f} %"


def table(layers, machine):
    result = Table("lrllrrrr", ["layers", "number", "from", "to", "forward ms", "of the roofline", "backward ms",
                                "of the roofline"])
    groups = group(layers, machine)
    total = [sum(sums[k] for sums in groups.values()) for k in range(5)]
    for (layer_type, bottom, top), sums in sorted(groups.items(), key=lambda item: -(item[1][1] + item[1][3])):
        result.add(layer_type, sums[0], bottom, top, f"{sums[1]:.2f}", share(sums[2], sums[1]), f"{sums[3]:.2f}",
                   share(sums[4], sums[3]))
    result.add("all", total[0], "", "", f"{total[1]:.2f}", share(total[2], total[1]), f"{total[3]:.2f}",
               share(total[4], total[3]))
    return result
