"""Writes vectors/deepspeed/lr_schedules.json and loss_scaler.json: DeepSpeed's own schedulers and
loss scalers, driven as its engine drives them. README.md says how DeepSpeed is installed.

    DS_ACCELERATOR=cpu python deepspeed_scalars_golden.py vectors [--check]

lr_schedules.json: for each case the learning rate that step 0, 1, ... of the optimizer sees. The
engine makes the scheduler before the first step and advances it after every step that is not
skipped.

loss_scaler.json: for each case and iteration, whether the gradients overflowed, the scale that the
loss was multiplied by (`applied`) and the one that the gradients are divided by (`unscaled_by`:
DeepSpeed updates the scale in between); null from where DeepSpeed gives up (`raises`).
`scaler` is "zero" (stages 1 and 2: DynamicLossScaler) or "fp16" (stage 0: FP16_Optimizer).
"""

import json
import os
import sys
from types import SimpleNamespace

os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", MASTER_ADDR="127.0.0.1",
                  MASTER_PORT="29611")
import deepspeed
import torch
from deepspeed.runtime.fp16.fused_optimizer import FP16_Optimizer
from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaleConfig
from deepspeed.runtime.lr_schedules import WarmupCosineLR, WarmupDecayLR, WarmupLR

OPTIMIZER_LR = 0.004
SCHEDULES = [
    (WarmupLR, dict(warmup_min_lr=0.0, warmup_max_lr=0.01, warmup_num_steps=4)),  # log: the default
    (WarmupLR, dict(warmup_min_lr=0.0, warmup_max_lr=0.01, warmup_num_steps=4,
                    warmup_type="linear")),
    (WarmupLR, dict(warmup_min_lr=0.001, warmup_max_lr=0.01, warmup_num_steps=7)),
    (WarmupLR, dict(warmup_min_lr=0.02, warmup_max_lr=0.01, warmup_num_steps=5,
                    warmup_type="linear")),
    (WarmupLR, dict(warmup_max_lr=0.01, warmup_num_steps=1)),  # taken for 2
    (WarmupLR, dict(warmup_max_lr=0.01, warmup_num_steps=1, warmup_type="linear")),
    (WarmupLR, dict(warmup_max_lr=0.01)),  # 1000 steps
    (WarmupLR, dict(warmup_num_steps=3)),  # no maximum: the optimizer's own learning rate
    (WarmupDecayLR, dict(total_num_steps=10, warmup_max_lr=0.01, warmup_num_steps=4)),
    (WarmupDecayLR, dict(total_num_steps=10, warmup_max_lr=0.01, warmup_num_steps=4,
                         warmup_type="linear")),
    (WarmupDecayLR, dict(total_num_steps=100, warmup_min_lr=0.001, warmup_max_lr=0.01,
                         warmup_num_steps=6)),
    (WarmupDecayLR, dict(total_num_steps=6, warmup_min_lr=0.001, warmup_max_lr=0.01,
                         warmup_num_steps=2, warmup_type="linear")),  # falls to the minimum
    (WarmupDecayLR, dict(total_num_steps=3, warmup_max_lr=0.01, warmup_num_steps=6)),  # in warmup
    (WarmupDecayLR, dict(total_num_steps=8, warmup_num_steps=3)),  # no maximum: 0.001
    (WarmupCosineLR, dict(total_num_steps=10, warmup_num_steps=3)),  # log: the default
    (WarmupCosineLR, dict(total_num_steps=9, warmup_num_steps=4, warmup_type="linear")),
    (WarmupCosineLR, dict(total_num_steps=100, warmup_num_steps=5, warmup_min_ratio=0.25,
                          cos_min_ratio=0.1)),
    (WarmupCosineLR, dict(total_num_steps=7, warmup_num_steps=1, warmup_min_ratio=0.3,
                          cos_min_ratio=0.0, warmup_type="linear")),  # ends, and stays there
    (WarmupCosineLR, dict(total_num_steps=4, warmup_num_steps=6)),  # in warmup
    (WarmupCosineLR, dict(total_num_steps=20)),  # 1000 steps
]


def schedule(cls, params):
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=OPTIMIZER_LR)
    scheduler = cls(optimizer, **params)
    rates = []
    for _ in range(12):
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    return {"type": cls.__name__, "params": params, "optimizer_lr": OPTIMIZER_LR,
            "learning_rates": rates}


# (initial scale, window, minimum, hysteresis, consecutive hysteresis, overflows)
SCALERS = [
    (65536, 1000, 1, 1, False, "1100000000"),
    (65536, 1000, 1, 2, False, "1100010010"),
    (16, 2, 1, 1, False, "0000000000"),  # the first window is longer by one
    (16, 2, 1, 1, False, "0100010000"),
    (16, 2, 1, 2, False, "0100010001000010"),  # refilled when the scale grows
    (16, 3, 1, 2, False, "1010001001000000"),
    (16, 3, 1, 2, True, "1010110001100000"),  # refilled by every clean iteration
    (16, 1, 1, 2, False, "00100110000"),
    (4, 2, 1, 1, False, "1101000"),  # at the minimum
    (4, 2, 1, 1, False, "111000"),  # and beyond
    (4, 2, 1, 2, False, "11111000"),
    (4, 2, 0.5, 1, False, "111010000"),
    (5, 2, 4, 1, False, "10100000"),  # the minimum is no power of two away
]


def zero(initial, window, minimum, hysteresis, consecutive, overflows):
    scaler = DynamicLossScaler(init_scale=initial, scale_window=window, min_scale=minimum,
                               delayed_shift=hysteresis, consecutive_hysteresis=consecutive)
    keys = fp16_section(initial, window, minimum, hysteresis, consecutive)
    return drive({"scaler": "zero", **keys}, lambda: scaler.cur_scale, scaler.update_scale,
                 overflows)


def fp16(initial, window, minimum, hysteresis, consecutive, overflows):
    config = LossScaleConfig(
        torch.float16, True, 0,
        dict(init_scale=initial, scale_window=window, min_scale=minimum, delayed_shift=hysteresis,
             consecutive_hysteresis=consecutive))
    holder = SimpleNamespace(loss_scale_config=config, verbose=False)
    keys = fp16_section(initial, window, minimum, hysteresis, consecutive)
    return drive({"scaler": "fp16", **keys}, lambda: config.cur_scale,
                 lambda overflow: FP16_Optimizer._update_scale(holder, overflow), overflows)


def fp16_section(initial, window, minimum, hysteresis, consecutive):
    """The keys as in a config, but for the initial scale (there as a power of two)."""
    return {"initial_scale": initial, "loss_scale_window": window, "min_loss_scale": minimum,
            "hysteresis": hysteresis, "consecutive_hysteresis": consecutive}


def drive(case, scale, update, overflows):
    case.update(overflow=[c == "1" for c in overflows], applied=[], unscaled_by=[], raises=False)
    for overflow in case["overflow"]:
        case["applied"].append(None if case["raises"] else float(scale()))
        if not case["raises"]:
            try:
                update(overflow)
            except Exception as error:
                assert "already at minimum" in str(error), error
                case["raises"] = True
        # An overflowed iteration is skipped: nothing is divided.
        case["unscaled_by"].append(None if case["raises"] or overflow else float(scale()))
    return case


def write(path, versions, cases, check):
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    text = f'{{\n "versions": {json.dumps(versions)},\n "cases": [\n{lines}\n ]\n}}\n'
    if check:
        assert open(path).read() == text, path
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write(text)


def main(folder, check):
    deepspeed.init_distributed("gloo")
    versions = {"deepspeed": deepspeed.__version__, "torch": torch.__version__.split("+")[0]}
    cases = [schedule(*case) for case in SCHEDULES]
    write(os.path.join(folder, "deepspeed", "lr_schedules.json"), versions, cases, check)
    cases = [scaler(*case) for case in SCALERS for scaler in (zero, fp16)]
    write(os.path.join(folder, "deepspeed", "loss_scaler.json"), versions, cases, check)


if __name__ == "__main__":
    main(sys.argv[1], "--check" in sys.argv)
