"""Writes vectors/deepspeed/: what DeepSpeed itself does with a tiny Llama on four CPU processes,
TP 2 x DP 2, ZeRO stages 0, 1 and 2, in fp32, bf16 and fp16. README.md says how it is installed.

    DS_ACCELERATOR=cpu python deepspeed_golden.py vectors            # writes
    DS_ACCELERATOR=cpu python deepspeed_golden.py vectors --check    # runs the stored model again

    model/config.json, model/model.safetensors    the initial weights, in fp32, Hugging Face names
    tokens.json                                   the token ids of the data, one list
    deepspeed.json                                the config that CASES below change
    fp32.safetensors, ...                         what DeepSpeed did, each CASE in STEPS steps:

  local/M/D/P          gradient of parameter P in micro-step M of step 0 on replica D, as backward
                       leaves it (divided by the accumulation steps), before anything is summed;
                       the same bits in every case of a file
  CASE/S/reduced/P     gradient that the optimizer is handed in step S, before clipping
  CASE/S/norm          the norm that DeepSpeed reports, one number
  CASE/S/factor        by how much the gradients were scaled on their way to the optimizer, found by
                       looking at both ends
  CASE/S/master/P      the weight after step S, in fp32
  CASE/S/exp_avg/P, exp_avg_sq/P       moments after the last step
  CASE/S/adam_step     the optimizer's own count of steps after step S
  CASE/partition       elements of the flat gradient that [dp, tp] owns, padding included
  widths/P             of a sharded parameter: the extent of its cut dimension on TP rank 0 and 1

Tensors are full: the shards of the TP ranks joined. What TP ranks or replicas must have alike is
required to have the same bits. Counts are stored as fp32. Samples are numbered as
scenarios/data/batches.hpp says; `sample` below computes the same windows.
"""

import json
import math
import os
import socket
import sys
import tempfile

import deepspeed
import torch
import torch.multiprocessing
from deepspeed.runtime import engine as deepspeed_engine
from deepspeed.utils import (safe_get_full_fp32_param, safe_get_full_grad,
                             safe_get_full_optimizer_state)
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

TP, DP, STEPS, MICRO_STEPS, MICRO_BATCH, SEQUENCE = 2, 2, 2, 2, 2, 8

MODEL = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama",
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu", "vocab_size": 32,
    "max_position_embeddings": 32, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
    "initializer_range": 0.2, "attention_bias": False, "mlp_bias": False,
    "tie_word_embeddings": False,
}

DEEPSPEED = {
    "train_micro_batch_size_per_gpu": MICRO_BATCH,
    "gradient_accumulation_steps": MICRO_STEPS,
    "gradient_clipping": 0.5,  # the norm is about 2: active
    "bf16": {"enabled": False},
    "zero_optimization": {"stage": 0},
    "tensor_parallel": {"autotp_size": TP, "preset_model": "llama"},
    "optimizer": {
        "type": "AdamW",
        # Most gradients are smaller than eps, so that Adam sees their size: with a small eps
        # its first step would be their sign alone, whatever clipping did.
        "params": {"lr": 0.05, "betas": [0.9, 0.95], "eps": 0.01, "weight_decay": 0.1},
    },
}

BF16 = {"bf16": {"enabled": True}}
FP32_SUMS = {"data_types": {"grad_accum_dtype": "fp32"}, "communication_data_type": "fp32"}
# The scale doubles in the second step, where the norm is above the clipping threshold, and half of
# it is not.
FP16 = {"fp16": {"enabled": True, "initial_scale_power": 8, "loss_scale_window": 1},
        "gradient_clipping": 1.0}
# file -> case -> stage, keys of the config
CASES = {
    "fp32": {"stage0": (0, {}), "stage1": (1, {}), "stage2": (2, {})},
    "bf16": {"stage0": (0, BF16), "stage1": (1, BF16), "stage2": (2, BF16),
             "stage1-fp32-sums": (1, {**BF16, **FP32_SUMS}),
             "stage2-fp32-sums": (2, {**BF16, **FP32_SUMS})},
    "fp16": {"stage1": (1, FP16)},
    "fp16-stage0": {"stage0": (0, FP16)},  # its local gradients are others: they are not scaled
}


# --- data, as ours are numbered -----------------------------------------------------------------


def sample(tokens, n):
    """Window n: SEQUENCE ids from (n * stride) mod places on."""
    places = len(tokens) - SEQUENCE + 1
    stride = SEQUENCE
    while math.gcd(stride, places) != 1:
        stride += 1
    first = n * stride % places
    return tokens[first:first + SEQUENCE]


def micro_batch(tokens, step, micro, dp):
    first = ((step * MICRO_STEPS + micro) * DP + dp) * MICRO_BATCH
    return torch.tensor([sample(tokens, first + b) for b in range(MICRO_BATCH)])


# --- one rank -----------------------------------------------------------------------------------


def rank_main(rank, folder, stage, keys, port, results):
    """Trains, and saves all that this rank saw, by name, in results/RANK.pt."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(TP * DP),
                      MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    model = LlamaForCausalLM._from_config(LlamaConfig(**MODEL), attn_implementation="eager")
    missing = model.load_state_dict(load_file(f"{folder}/model/model.safetensors"), strict=True)
    assert not missing.missing_keys and not missing.unexpected_keys
    config = json.load(open(f"{folder}/deepspeed.json"))
    config["zero_optimization"]["stage"] = stage
    config.update(keys)
    deepspeed.init_distributed("gloo")
    engine, *_ = deepspeed.initialize(model=model, model_parameters=model.parameters(),
                                      config=config)
    names = [name for name, _ in engine.module.named_parameters()]
    seen = {"wrapper": type(engine.optimizer).__name__,
            "basic": type(engine.basic_optimizer).__name__,
            "shape": {n: tuple(p.shape) for n, p in engine.module.named_parameters()}}

    local = {}
    for name, p in engine.module.named_parameters():
        p.register_hook(lambda g, name=name: local.__setitem__(name, g.detach().clone()))
    applied = []
    inner_step = engine.basic_optimizer.step

    def recording_step(*args, **kwargs):
        groups = engine.basic_optimizer.param_groups
        given = [p.grad for group in groups for p in group["params"]]
        applied[:] = [gradient.detach().float().flatten().clone() for gradient in given]
        return inner_step(*args, **kwargs)

    engine.basic_optimizer.step = recording_step
    norm = reported_norm(engine)
    tokens = json.load(open(f"{folder}/tokens.json"))
    for step in range(STEPS):
        for micro in range(MICRO_STEPS):
            ids = micro_batch(tokens, step, micro, rank // TP)
            loss = engine(input_ids=ids, labels=ids).loss
            engine.backward(loss)
            seen[f"{step}/loss/{micro}"] = loss.detach().float()
            for name in names:
                seen[f"{step}/local/{micro}/{name}"] = local.pop(name)
            if micro + 1 < MICRO_STEPS:
                engine.step()
        for name, p in engine.module.named_parameters():
            # BF16_Optimizer keeps the sum elsewhere than those of ZeRO.
            gradient = getattr(p, "_hp_grad", None)
            gradient = safe_get_full_grad(p) if gradient is None else gradient
            seen[f"{step}/reduced/{name}"] = smallest(gradient.detach().view(p.shape), p.dtype)
        engine.step()
        seen[f"{step}/norm"] = torch.tensor([float(norm())])
        seen[f"{step}/applied"] = torch.cat(applied)
        seen[f"{step}/adam_step"] = torch.tensor([float(adam_step(engine))])
        for name, p in engine.module.named_parameters():
            seen[f"{step}/weight/{name}"] = p.detach().clone()
        for what in ("master", "exp_avg", "exp_avg_sq"):
            for name, value in states(engine, what).items():
                seen[f"{step}/{what}/{name}"] = value.detach().clone()
    torch.save(seen, f"{results}/{rank}.pt")
    torch.distributed.destroy_process_group()


def reported_norm(engine):
    """The norm of the last step. Bare fp32 tells nobody: taken from the function that clips."""
    found = []
    clip = deepspeed_engine.clip_grad_norm_
    deepspeed_engine.clip_grad_norm_ = lambda *args, **kwargs: found.append(clip(*args, **kwargs))

    def norm():
        told = engine.get_global_grad_norm()
        return found[-1] if told is None else told

    return norm


def smallest(gradient, working):
    """In the working dtype, unless that would lose bits."""
    rounded = gradient.to(working)
    same_value = torch.equal(rounded.to(gradient.dtype), gradient)
    return (rounded if same_value else gradient).clone()


def adam_step(engine):
    """FusedAdam counts in the state of its last parameter alone."""
    return max(int(state["step"]) for state in engine.basic_optimizer.state.values())


def states(engine, what):
    """Masters or moments by parameter, whole but for TP."""
    named = dict(engine.module.named_parameters())
    if engine.zero_optimization():
        get = safe_get_full_optimizer_state
        return {name: safe_get_full_fp32_param(p) if what == "master" else get(p, what)
                for name, p in named.items()}
    state = engine.basic_optimizer.state
    if type(engine.optimizer).__name__ != "FP16_Optimizer":
        return {name: p if what == "master" else state[p][what] for name, p in named.items()}
    (flat,), (group,) = engine.optimizer.fp32_groups_flat, engine.optimizer.fp16_groups
    values = flat if what == "master" else state[flat][what]
    parts = values.split([p.numel() for p in group])
    by_parameter = {id(p): part.view(p.shape) for p, part in zip(group, parts)}
    return {name: by_parameter[id(p)] for name, p in named.items()}


# --- all ranks together -------------------------------------------------------------------------


def run(folder, stage, keys):
    with tempfile.TemporaryDirectory() as results:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # Forked, so that what is imported here need not be imported by every rank of every case.
        torch.multiprocessing.start_processes(
            rank_main, (folder, stage, keys, port, results), TP * DP, start_method="fork")
        return [torch.load(f"{results}/{rank}.pt") for rank in range(TP * DP)]


def cut_dimension(full, shard):
    """None if the parameter is not sharded."""
    different = [d for d in range(len(full)) if full[d] != shard[d]]
    assert len(different) <= 1
    return different[0] if different else None


def same(values):
    for value in values[1:]:
        assert torch.equal(value, values[0])
    return values[0]


def join(shards, full_shape):
    """Shards of the TP ranks, in order."""
    dimension = cut_dimension(full_shape, shards[0].shape)
    full = same(shards) if dimension is None else torch.cat(shards, dimension)
    assert full.shape == full_shape
    return full.contiguous()


def joined(ranks, key, full_shape):
    """What all replicas must have alike."""
    return same([join([ranks[d * TP + t][key] for t in range(TP)], full_shape) for d in range(DP)])


def clip_factor(rank_seen, names, step, d):
    """applied = factor * reduced, element by element over what this rank owns."""
    flat = torch.cat([rank_seen[f"{step}/reduced/{n}"].float().flatten() for n in names])
    applied = rank_seen[f"{step}/applied"]
    if applied.numel() < flat.numel():
        owned = applied.numel()
        flat = torch.nn.functional.pad(flat, (0, DP * owned - flat.numel()))[d * owned:][:owned]
    at = flat.abs().argmax()
    factor = applied[at].double() / flat[at].double()
    assert torch.allclose(applied, (factor * flat.double()).float(), rtol=3e-7, atol=0)
    return factor, applied.numel()


def collect(ranks, case, full_shapes, stored):
    names = list(full_shapes)
    prefix = case + "/"
    owned = torch.zeros(DP, TP)
    for step in range(STEPS):
        for name, shape in full_shapes.items():
            for what in ("reduced", "master"):
                key = f"{step}/{what}/{name}"
                stored[prefix + key] = joined(ranks, key, shape)
            weight = joined(ranks, f"{step}/weight/{name}", shape)
            assert torch.equal(stored[f"{prefix}{step}/master/{name}"].to(weight.dtype), weight)
            if step == STEPS - 1:
                for what in ("exp_avg", "exp_avg_sq"):
                    key = f"{step}/{what}/{name}"
                    stored[prefix + key] = joined(ranks, key, shape)
        for what in ("norm", "adam_step"):
            stored[f"{prefix}{step}/{what}"] = same([r[f"{step}/{what}"] for r in ranks])
        factors = []
        for d in range(DP):
            for t in range(TP):
                factor, owned[d, t] = clip_factor(ranks[d * TP + t], names, step, d)
                factors.append(factor)
        factors = torch.stack(factors)
        assert factors.max() - factors.min() <= 2e-7 * factors.max()
        stored[f"{prefix}{step}/factor"] = factors.mean().float().reshape(1)
    stored[prefix + "partition"] = owned
    for micro in range(MICRO_STEPS):
        for d in range(DP):
            for name, shape in full_shapes.items():
                key = f"0/local/{micro}/{name}"
                value = join([ranks[d * TP + t][key] for t in range(TP)], shape)
                same([value, stored.setdefault(f"local/{micro}/{d}/{name}", value)])
    for name, shape in full_shapes.items():
        shards = [ranks[t]["shape"][name] for t in range(TP)]
        dimension = cut_dimension(shape, shards[0])
        if dimension is not None:
            stored["widths/" + name] = torch.tensor([float(s[dimension]) for s in shards])


def write_inputs(folder):
    os.makedirs(f"{folder}/model", exist_ok=True)
    json.dump(MODEL, open(f"{folder}/model/config.json", "w"), indent=1)
    json.dump(DEEPSPEED, open(f"{folder}/deepspeed.json", "w"), indent=1)
    torch.manual_seed(20260822)
    tokens = torch.randint(MODEL["vocab_size"], (150,)).tolist()
    json.dump(tokens, open(f"{folder}/tokens.json", "w"))
    model = LlamaForCausalLM(LlamaConfig(**MODEL))
    weights = {}
    for name, p in model.named_parameters():
        weights[name] = (1 + 0.1 * torch.rand(p.shape) if p.dim() == 1 else
                         MODEL["initializer_range"] * torch.randn(p.shape))
    save_file(weights, f"{folder}/model/model.safetensors", metadata={"format": "pt"})


def main(folder, check):
    folder = os.path.join(folder, "deepspeed")
    torch.set_num_threads(1)
    if not check:
        write_inputs(folder)
    full_shapes = {n: w.shape for n, w in load_file(f"{folder}/model/model.safetensors").items()}
    for file, cases in CASES.items():
        stored = {}
        for case, (stage, keys) in cases.items():
            ranks = run(folder, stage, keys)
            # The parameters in the model's order, which is that of the flat gradient.
            shapes = {n: full_shapes[n] for n in ranks[0]["shape"]}
            collect(ranks, case, shapes, stored)
            print(file, case, ranks[0]["wrapper"], ranks[0]["basic"],
                  [(float(stored[f"{case}/{s}/norm"]), float(stored[f"{case}/{s}/factor"]))
                   for s in range(STEPS)], stored[f"{case}/partition"].tolist(), flush=True)
        path = f"{folder}/{file}.safetensors"
        if check:
            expected = load_file(path)
            assert expected.keys() == stored.keys()
            for key, value in stored.items():
                assert torch.equal(value, expected[key]), key
        else:
            save_file(stored, path)


if __name__ == "__main__":
    main(sys.argv[1], "--check" in sys.argv)
