#!/usr/bin/env python3
"""How costs grow: the program's parts over widths, tokens, layers and ranks, one axis at a time.

    tests/bench/growth.py PROGRAM [--axes hidden tokens layers ranks] [--most N] [--out FILE]
    tests/bench/growth.py PROGRAM --quick       two small points: that it works

Each point is a Llama in bf16 with AdamW, one step, recorded in full: `plan`, the reference, sim,
the judge, and `compare` of the trace with itself, each a process of its own, of which processor
time and the largest memory are taken (wait4). What is printed is Markdown, for docs/performance.md.
An exponent is the slope of the logarithms between an axis' last two points: near 1 where cost grows
as size does.

Judged FLOP: 6 for each weight of a matrix and token (forward, and both gradients), and 12 T^2 a
head dimension for attention: what the run computes, and the judge computes again.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

PARTS = ("plan", "reference", "sim", "judge", "compare")

# What an axis leaves alone is as here; values of an axis.
BASE = {"hidden": 256, "tokens": 64, "layers": 2, "ranks": 2}
AXES = {
    "hidden": (256, 512, 1024, 2048, 4096),
    "tokens": (32, 64, 128, 256, 512),
    "layers": (1, 2, 4, 8, 16, 30),
    "ranks": (1, 2, 4, 8, 16, 32, 64),
}
QUICK = {"hidden": 64, "tokens": 8, "layers": 1, "ranks": 1}


def heads_of(point):
    """At least one for each rank of tensor parallelism, of 64 wide at most."""
    return max(point["hidden"] // 64, tp_of(point))


def tp_of(point):
    """Up to 8; more ranks are replicas."""
    return min(point["ranks"], 8)


def scenario_of(point):
    hidden = point["hidden"]
    return {
        "name": "growth", "world": point["ranks"], "steps": 1, "seed": 1,
        "model": {"config": {
            "model_type": "llama", "hidden_size": hidden, "intermediate_size": 3 * hidden,
            "num_hidden_layers": point["layers"], "num_attention_heads": heads_of(point),
            "num_key_value_heads": heads_of(point), "vocab_size": 1024,
            "max_position_embeddings": 4096}},
        "deepspeed": {
            "train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": True},
            "zero_optimization": {"stage": 1},
            "optimizer": {"type": "AdamW", "params": {"lr": 0.001}},
            "tensor_parallel": {"autotp_size": tp_of(point)}},
        "data": {"generated": True, "sequence": point["tokens"]},
        "executions": ["reference", "sim"], "reduction": "ring"}


def matrix_weights(point):
    hidden = point["hidden"]
    return point["layers"] * (4 * hidden * hidden + 3 * 3 * hidden * hidden) + 1024 * hidden


def parameters(point):
    norms = (2 * point["layers"] + 1) * point["hidden"]
    return matrix_weights(point) + 1024 * point["hidden"] + norms


def flop(point):
    replicas = point["ranks"] // tp_of(point)
    tokens = point["tokens"]
    attention = 12 * point["layers"] * tokens * tokens * point["hidden"]
    return replicas * (6 * matrix_weights(point) * tokens + attention)


def cost_of(command, out):
    """Processor seconds, seconds, and bytes of memory at most, of one process that must succeed."""
    started = time.monotonic()
    with open(out, "wb") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {child.returncode}\n"
                           + pathlib.Path(out).read_text(encoding="utf-8", errors="replace"))
    return {"cpu": used.ru_utime + used.ru_stime, "system": used.ru_stime,
            "wall": time.monotonic() - started, "memory": used.ru_maxrss * 1024}


def measure(program, point):
    """{part: cost} of one point, and the bytes of the engine's trace."""
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        root = pathlib.Path(folder)
        scenario = root / "scenario.json"
        scenario.write_text(json.dumps(scenario_of(point)), encoding="utf-8")
        costs = {"plan": cost_of([program, "plan", str(scenario)], root / "plan.txt")}
        for execution in ("reference", "sim"):
            (root / execution).mkdir()
            costs[execution] = cost_of(
                [program, "execute", execution, str(scenario), str(root / execution)], root / "log")
        costs["judge"] = cost_of([program, "judge", str(root)], root / "log")
        shutil.rmtree(root / "reference")
        trace = sum(file.stat().st_size for file in (root / "sim").iterdir())
        costs["compare"] = cost_of([program, "compare", str(root / "sim"), str(root / "sim")],
                                   root / "log")
        return {"point": point, "costs": costs, "trace": trace}


def measure_axis(program, axis, values, base):
    found = []
    for value in values:
        point = {**base, axis: value}
        print(f"growth: {axis} {value}", file=sys.stderr)
        found.append(measure(program, point))
    return found


def exponent(axis, found, part, what):
    """The slope between the last two points; None of one point."""
    if len(found) < 2:
        return None
    (first, a), (last, b) = [(each["point"][axis], each["costs"][part][what])
                             for each in found[-2:]]
    return math.log(b / a) / math.log(last / first)


def row(cells):
    return "| " + " | ".join(cells) + " |"


def name_of(axis, point):
    """The point's sizes; that of its axis stands out."""
    return ", ".join(f"**{point[name]}**" if name == axis else str(point[name]) for name in BASE)


def table_of(measured, what, value):
    """One row a point, one column a part: value(point's measurements, a part's cost)."""
    lines = [row(["hidden, tokens, layers, ranks", *PARTS]), row(["---"] * (1 + len(PARTS)))]
    for axis, found in measured.items():
        for each in found:
            cells = [value(each, each["costs"][part]) for part in PARTS]
            lines.append(row([name_of(axis, each["point"]), *cells]))
    return [what, "", *lines, ""]


def sizes_table(measured):
    lines = [row(["hidden, tokens, layers, ranks", "parameters", "judged GFLOP", "trace"]),
             row(["---"] * 4)]
    for axis, found in measured.items():
        for each in found:
            point = each["point"]
            lines.append(row([name_of(axis, point), f"{parameters(point) / 1e6:.1f} M",
                              f"{flop(point) / 1e9:.2f}", f"{each['trace'] / 1e6:.0f} MB"]))
    return ["What they are:", "", *lines, ""]


def exponents_table(measured):
    lines = [row(["axis"] + [f"{part}: time, memory" for part in PARTS]),
             row(["---"] * (1 + len(PARTS)))]
    for axis, found in measured.items():
        cells = [axis]
        for part in PARTS:
            slopes = [exponent(axis, found, part, what) for what in ("cpu", "memory")]
            cells.append(", ".join("-" if slope is None else f"{slope:.2f}" for slope in slopes))
        lines.append(row(cells))
    return ["Exponents, of time and of memory:", "", *lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--most", type=int, help="no values of an axis above this")
    parser.add_argument("--out", type=pathlib.Path, help="the numbers as JSON, too")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        measured = {"ranks": measure_axis(given.program, "ranks", (1, 2), QUICK)}
    else:
        measured = {axis: measure_axis(given.program, axis, [
            value for value in AXES[axis] if given.most is None or value <= given.most], BASE)
                    for axis in given.axes}
    print("\n".join(
        sizes_table(measured)
        + table_of(measured, "Processor seconds:", lambda _, cost: f"{cost['cpu']:.2f}")
        + table_of(measured, "Nanoseconds for each judged FLOP:",
                   lambda each, cost: f"{cost['cpu'] / flop(each['point']) * 1e9:.2f}")
        + table_of(measured, "Bytes of memory for each parameter:",
                   lambda each, cost: f"{cost['memory'] / parameters(each['point']):.0f}")
        + exponents_table(measured)))
    if given.out:
        given.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


try:
    main()
except RuntimeError as error:
    sys.exit(f"growth: {error}")
