"""Writes vectors/torch_adam.safetensors: steps of torch's own Adam and AdamW to the last bit, one
tensor at a time on the CPU (foreach and fused off).

    python torch_adam_golden.py vectors [--check]     # --check: the stored bits once more
    python torch_adam_golden.py --model               # holds torch against the model below

For each dtype (fp32, fp64) one parameter of 45 elements (no multiple of a vector's width) and four
gradients: DTYPE/initial, DTYPE/S/gradient. Some elements are tiny, huge, subnormal or zero. For
each case and step S: DTYPE/CASE/S/parameter, .../exp_avg and .../exp_avg_sq; lr changes by step,
and lr is DTYPE/S/lr in fp64.

Square roots are IEEE's. Where torch is built with MKL, as it is for x86, Tensor.sqrt is MKL's,
which is not always the nearest number (--model counts how often); so numpy's stands in for it.
"""

import ctypes
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file, save_file

LENGTH, STEPS = 45, 4
BASE = dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
CASES = {
    "adamw": (torch.optim.AdamW, BASE),
    "adamw-no-decay": (torch.optim.AdamW, {**BASE, "weight_decay": 0.0}),
    "adamw-eps": (torch.optim.AdamW, {**BASE, "betas": (0.8, 0.95), "eps": 1e-2}),
    "adamw-long-way": (torch.optim.AdamW, {**BASE, "betas": (0.3, 0.6)}),  # lerp from its end
    "adam": (torch.optim.Adam, BASE),  # L2: decay in the gradient
    "adam-no-decay": (torch.optim.Adam, {**BASE, "weight_decay": 0.0}),
}
DTYPES = {"fp32": torch.float32, "fp64": torch.float64}
RATES = [1e-3, 3e-4, 0.07, 1.0 / 3]

mkl_sqrt = torch.Tensor.sqrt


def values(count, dtype, spread, generator):
    exponents = torch.randint(-spread, spread + 1, (count,), generator=generator)
    mantissas = torch.randn(count, dtype=torch.float64, generator=generator)
    return torch.ldexp(mantissas, exponents.double()).to(dtype)


def with_extremes(x):
    tiny = torch.finfo(x.dtype).tiny
    x[:8] = torch.tensor([0.0, -0.0, tiny, -tiny / 8, 1e-30, 1e30, -1e18, 1.0], dtype=x.dtype)
    return x


def run(optimizer, options, initial, gradients, rates):
    p = initial.clone().requires_grad_()
    optimizer = optimizer([p], lr=1.0, foreach=False, fused=False, **options)
    for gradient, rate in zip(gradients, rates):
        p.grad = gradient.clone()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        state = optimizer.state[p]
        yield {"parameter": p.detach().clone(), "exp_avg": state["exp_avg"].clone(),
               "exp_avg_sq": state["exp_avg_sq"].clone()}


def golden():
    generator = torch.Generator().manual_seed(20241105)
    stored = {}
    for name, dtype in DTYPES.items():
        initial = values(LENGTH, dtype, 3, generator)
        gradients = [with_extremes(values(LENGTH, dtype, spread, generator))
                     for spread in (3, 8, 20, 1)]
        stored[f"{name}/initial"] = initial
        for step, gradient in enumerate(gradients):
            stored[f"{name}/{step}/gradient"] = gradient
        for case, (optimizer, options) in CASES.items():
            for step, result in enumerate(run(optimizer, options, initial, gradients, RATES)):
                for what, tensor in result.items():
                    stored[f"{name}/{case}/{step}/{what}"] = tensor
    for step, rate in enumerate(RATES):
        stored[f"{step}/lr"] = torch.tensor([rate], dtype=torch.float64)
    return stored


# The model: numpy's operations are rounded one by one, fma is the C library's.
libm = ctypes.CDLL("libm.so.6")
for function, kind in ((libm.fmaf, ctypes.c_float), (libm.fma, ctypes.c_double)):
    function.restype, function.argtypes = kind, [kind] * 3


def fma(a, b, c):
    function = libm.fmaf if c.dtype == np.float32 else libm.fma
    triples = zip(*(x.ravel().tolist() for x in np.broadcast_arrays(a, b, c)))
    return np.array([function(*triple) for triple in triples], dtype=c.dtype)


def model(p, m, v, g, k, lr, decoupled, betas, eps, weight_decay):
    one = p.dtype.type
    c1, root = 1 - betas[0] ** k, (1 - betas[1] ** k) ** 0.5
    if decoupled:
        p = p * one(1 - lr * weight_decay)
    elif weight_decay != 0:
        g = fma(one(weight_decay), p, g)
    weight = one(1 - betas[0])
    m = fma(weight, g - m, m) if weight < 0.5 else fma(weight - one(1), g - m, g)
    v = fma(one(1 - betas[1]) * g, g, v * one(betas[1]))
    return p + (one(-(lr / c1)) * m) / (np.sqrt(v) / one(root) + one(eps)), m, v


def differing_bits(a, b):
    kind = np.int32 if a.dtype == np.float32 else np.int64
    return int(((a.view(kind) != b.view(kind)) & ~(np.isnan(a) & np.isnan(b))).sum())


def hold_against_model():
    generator = torch.Generator().manual_seed(7)
    np.seterr(all="ignore")
    for name, dtype in DTYPES.items():
        x = values(200_003, dtype, 30, generator).abs()
        wrong = differing_bits(mkl_sqrt(x).numpy(), np.sqrt(x.numpy()))
        print(f"{name}: {wrong} of {len(x)} square roots are not the nearest number")
        for case, (optimizer, options) in CASES.items():
            compared = different = 0
            for length, spread in ((1, 3), (3, 30), (7, 3), (8, 120), (31, 30), (20_011, 3),
                                   (20_011, 120)):
                initial = values(length, dtype, 5, generator)
                gradients = [values(length, dtype, spread, generator) for _ in RATES]
                m = v = np.zeros(length, initial.numpy().dtype)
                p = initial.numpy()
                steps = run(optimizer, options, initial, gradients, RATES)
                for k, (result, gradient, lr) in enumerate(zip(steps, gradients, RATES)):
                    decoupled = optimizer is torch.optim.AdamW
                    p, m, v = model(p, m, v, gradient.numpy(), k + 1, lr, decoupled, **options)
                    for what, mine in zip(("parameter", "exp_avg", "exp_avg_sq"), (p, m, v)):
                        different += differing_bits(mine, result[what].numpy())
                        compared += length
            print(f"{name} {case}: {different} of {compared} numbers differ")
            assert different == 0


def main(arguments):
    torch.set_num_threads(1)
    torch.Tensor.sqrt = lambda x: torch.from_numpy(np.sqrt(x.numpy()))
    print("torch", torch.__version__, torch.backends.cpu.get_cpu_capability())
    if arguments == ["--model"]:
        return hold_against_model()
    path = os.path.join(arguments[0], "torch_adam.safetensors")
    if "--check" not in arguments:
        return save_file(golden(), path)
    stored, again = load_file(path), golden()
    assert stored.keys() == again.keys()
    for name, tensor in stored.items():
        assert differing_bits(tensor.numpy(), again[name].numpy()) == 0, name


if __name__ == "__main__":
    main(sys.argv[1:])
