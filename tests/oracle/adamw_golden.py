"""Writes vectors/adamw.safetensors: torch's own AdamW and gradient clipping, in fp64.

    python adamw_golden.py vectors

Four steps over two parameters; the global norm is clipped in the two middle ones.
    initial/P
    for each step S: S/gradient/P (before clipping), S/norm (of all gradients), S/parameter/P,
                     S/exp_avg/P, S/exp_avg_sq/P
"""

import os
import sys

import torch
from safetensors.torch import save_file


def main(folder):
    torch.manual_seed(20240817)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    parameters = {"a": torch.randn(2, 3), "b": torch.randn(4)}
    stored = {"initial/" + name: p.clone() for name, p in parameters.items()}
    optimizer = torch.optim.AdamW(
        [p.requires_grad_() for p in parameters.values()],
        lr=0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for step, size in enumerate([0.05, 2.0, 0.5, 1e-7]):
        for name, p in parameters.items():
            p.grad = size * torch.randn(p.shape)
            stored[f"{step}/gradient/{name}"] = p.grad.clone()
        stored[f"{step}/norm"] = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0).reshape(1)
        optimizer.step()
        for name, p in parameters.items():
            stored[f"{step}/parameter/{name}"] = p.detach().clone()
            stored[f"{step}/exp_avg/{name}"] = optimizer.state[p]["exp_avg"].clone()
            stored[f"{step}/exp_avg_sq/{name}"] = optimizer.state[p]["exp_avg_sq"].clone()
    save_file(stored, os.path.join(folder, "adamw.safetensors"))


if __name__ == "__main__":
    main(sys.argv[1])
