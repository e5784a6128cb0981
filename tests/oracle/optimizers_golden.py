"""Writes vectors/optimizers.safetensors: torch's own optimizers and gradient clipping, in fp64.

    python optimizers_golden.py vectors

Five steps over two parameters; every case starts from the same values and sees the same gradients,
whose global norm is clipped to 1 in two of the steps. lr 0.01 and weight decay 0.1 throughout.
    initial/P
    for each step S: S/gradient/P (before clipping), S/norm (of all gradients, before clipping),
    and for each case below: CASE/S/parameter/P and CASE/S/STATE/P, with STATE one of exp_avg,
    exp_avg_sq, momentum_buffer.
"""

import os
import sys

import torch
from safetensors.torch import save_file

CASES = {
    "adamw": (torch.optim.AdamW, dict(betas=(0.9, 0.95), eps=1e-8)),
    "adam": (torch.optim.Adam, dict(betas=(0.9, 0.95), eps=1e-8)),  # L2: decay in the gradient
    "adamw-eps": (torch.optim.AdamW, dict(betas=(0.8, 0.999), eps=1e-2)),  # an eps that can be seen
    "sgd": (torch.optim.SGD, dict()),
    "sgd-momentum": (torch.optim.SGD, dict(momentum=0.9)),
    "sgd-dampening": (torch.optim.SGD, dict(momentum=0.9, dampening=0.5)),  # not in the first step
    "sgd-nesterov": (torch.optim.SGD, dict(momentum=0.9, nesterov=True)),
}


def main(folder):
    torch.manual_seed(20240817)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    initial = {"a": torch.randn(2, 3), "b": torch.randn(4)}
    gradients = [{name: size * torch.randn(p.shape) for name, p in initial.items()}
                 for size in [0.05, 2.0, 0.5, 1e-7, 0.1]]
    stored = {"initial/" + name: p for name, p in initial.items()}
    for step, of in enumerate(gradients):
        stored.update({f"{step}/gradient/{name}": g for name, g in of.items()})
    for case, (optimizer, options) in CASES.items():
        stored.update(run(case, optimizer, options, initial, gradients))
    save_file(stored, os.path.join(folder, "optimizers.safetensors"))


def run(case, optimizer, options, initial, gradients):
    stored = {}
    parameters = {name: p.clone().requires_grad_() for name, p in initial.items()}
    optimizer = optimizer(parameters.values(), lr=0.01, weight_decay=0.1, **options)
    for step, of in enumerate(gradients):
        for name, p in parameters.items():
            p.grad = of[name].clone()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        stored[f"{step}/norm"] = norm.reshape(1)
        optimizer.step()
        for name, p in parameters.items():
            stored[f"{case}/{step}/parameter/{name}"] = p.detach().clone()
            for key, value in optimizer.state[p].items():
                if key != "step" and value is not None:
                    stored[f"{case}/{step}/{key}/{name}"] = value.clone()
    return stored


if __name__ == "__main__":
    main(sys.argv[1])
