"""Loads consolidated checkpoints with transformers: what Shardproof saves is a model to others.

    python consolidated_check.py RUN/sim/checkpoints/step-000002-consolidated ...

Each folder must load as a causal language model with no weight missing, left over or of another
shape; the loaded weights must have the bits of the file; and a forward pass must give finite
logits.
"""

import sys

import safetensors.torch
import torch
import transformers


def check(folder: str) -> None:
    stored = safetensors.torch.load_file(f"{folder}/model.safetensors")
    dtype = next(iter(stored.values())).dtype
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, torch_dtype=dtype, output_loading_info=True
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        if report[kind]:
            sys.exit(f"{folder}: {kind}: {report[kind]}")

    loaded = model.state_dict()
    tied = set(loaded) - set(stored)
    for name in tied:
        if model.config.tie_word_embeddings is not True or name != "lm_head.weight":
            sys.exit(f"{folder}: {name} is not in the file")
    for name, tensor in stored.items():
        if not torch.equal(tensor.view(torch.uint8), loaded[name].view(torch.uint8)):
            sys.exit(f"{folder}: {name} was loaded with other bits")

    with torch.no_grad():
        logits = model(torch.arange(12).reshape(1, 12)).logits
    if not torch.isfinite(logits).all():
        sys.exit(f"{folder}: the logits are not finite")
    print(f"{folder}: {model.config.model_type}, {len(stored)} tensors in {dtype}: loaded")


for path in sys.argv[1:]:
    check(path)
