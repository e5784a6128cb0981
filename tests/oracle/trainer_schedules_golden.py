"""Writes vectors/trainer_schedules.json: the learning rates of transformers' schedules.

    python trainer_schedules_golden.py vectors [--check]

For each case the rate that step 0, 1, ... of the optimizer sees: the scheduler is made before the
first step and advances after every one.
"""

import json
import os
import sys

import torch
import transformers
from transformers.optimization import (get_cosine_schedule_with_warmup,
                                        get_linear_schedule_with_warmup)

OPTIMIZER_LR = 0.004
MAKE = {"linear": get_linear_schedule_with_warmup, "cosine": get_cosine_schedule_with_warmup}
STEPS = [(0, 10), (3, 10), (1, 7), (4, 4), (6, 3), (5, 100), (0, 0), (3, 7)]


def rates(kind, warmup_steps, total_steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=OPTIMIZER_LR)
    scheduler = MAKE[kind](optimizer, warmup_steps, total_steps)
    for _ in range(12):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


def main(folder, check):
    cases = [{"type": kind, "warmup_steps": warmup, "total_steps": total,
              "optimizer_lr": OPTIMIZER_LR, "learning_rates": list(rates(kind, warmup, total))}
             for kind in MAKE for warmup, total in STEPS]
    versions = {"transformers": transformers.__version__,
                "torch": torch.__version__.split("+")[0]}
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    text = f'{{\n "versions": {json.dumps(versions)},\n "cases": [\n{lines}\n ]\n}}\n'
    path = os.path.join(folder, "trainer_schedules.json")
    if check:
        assert open(path).read() == text, path
    else:
        open(path, "w").write(text)


if __name__ == "__main__":
    main(sys.argv[1], "--check" in sys.argv)
