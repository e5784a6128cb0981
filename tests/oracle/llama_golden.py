"""Writes golden vectors under vectors/: transformers' own Llama, run from a config.json that the
test reads too, and torch's own AdamW with its gradient clipping.

    python3 -m venv v && v/bin/pip install torch transformers==4.44.2 safetensors numpy
    v/bin/python llama_golden.py vectors

The kept files were made with torch 1.13 (Debian) and transformers 4.44.2. CI reads them and needs
neither. Each variant has a folder:
    config.json              Hugging Face config
    model.safetensors        weights, fp32 values (exact in fp64)
    expected.safetensors     tokens (B, T), stored as fp32; for each D in {fp64, fp32}: D/loss,
                             D/logits, D/gradient/P for every parameter P

Two runs:
- fp32, as published: LlamaForCausalLM untouched.
- fp64, with the places that compute in fp32 whatever the model's dtype lifted to fp64. They are, in
  transformers/models/llama/modeling_llama.py:
    1. LlamaRMSNorm.forward           hidden_states.to(torch.float32)
    2. LlamaRotaryEmbedding           inv_freq is an fp32 buffer; forward calls .float() on it and
                                      on the positions, and takes cos and sin in fp32
    3. LlamaAttention.forward         softmax(..., dtype=torch.float32)
    4. LlamaForCausalLM.forward       logits = logits.float(), and so the loss
  lifted_to_fp64() replaces these four and nothing else. That fp32 agrees too shows that the lifting
  changed nothing but the precision.
"""

import contextlib
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama

TINY = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 24,
    "max_position_embeddings": 32,
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
VARIANTS = {
    "llama-gqa": TINY,
    "llama-bias": {**TINY, "attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1,
                   "rms_norm_eps": 1e-06, "rope_theta": 500.0},
}
BATCH, SEQUENCE = 2, 10


def lifted_norm(self, x):
    x = x.to(torch.float64)
    x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
    return self.weight * x


def lifted_rotary(self, x, position_ids):
    head_dim = 2 * self.inv_freq.shape[0]
    exponents = torch.arange(0, head_dim, 2).to(torch.float64) / head_dim
    inv_freq = 1.0 / (self.config.rope_theta ** exponents)
    freqs = position_ids[:, :, None].to(torch.float64) * inv_freq[None, None, :]
    angles = torch.cat((freqs, freqs), dim=-1)
    return angles.cos(), angles.sin()


@contextlib.contextmanager
def lifted_to_fp64():
    norm, rotary = modeling_llama.LlamaRMSNorm, modeling_llama.LlamaRotaryEmbedding
    functional = modeling_llama.nn.functional
    saved = norm.forward, rotary.forward, functional.softmax, torch.Tensor.float

    def softmax(scores, dim, dtype):
        assert dtype == torch.float32
        return saved[2](scores, dim=dim, dtype=torch.float64)

    norm.forward, rotary.forward = lifted_norm, lifted_rotary
    functional.softmax, torch.Tensor.float = softmax, torch.Tensor.double  # 4: logits.float()
    try:
        yield
    finally:
        norm.forward, rotary.forward, functional.softmax, torch.Tensor.float = saved


def make_weights(model):
    """Values that make every part matter: attention not uniform, norms not one, biases not zero."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0.0, 0.3)
            if "norm" in name:
                parameter.add_(1.0)


def run(model, tokens):
    output = model(input_ids=tokens, labels=tokens, use_cache=False)
    output.loss.backward()
    result = {"loss": output.loss.detach().reshape(1), "logits": output.logits.detach()}
    for name, parameter in model.named_parameters():
        result["gradient/" + name] = parameter.grad.clone()
    return result


def write_variant(folder, config):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
    loaded = LlamaConfig.from_pretrained(folder, attn_implementation="eager")
    model = LlamaForCausalLM(loaded)
    make_weights(model)
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    tokens = torch.randint(0, config["vocab_size"], (BATCH, SEQUENCE))

    expected = {"tokens": tokens.to(torch.float32)}  # whole numbers, as all else here
    expected.update({"fp32/" + name: value for name, value in run(model, tokens).items()})
    model.zero_grad()
    with lifted_to_fp64():
        lifted = run(model.to(torch.float64), tokens)
    assert all(value.dtype == torch.float64 for value in lifted.values())
    expected.update({"fp64/" + name: value for name, value in lifted.items()})
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    save_file(expected, os.path.join(folder, "expected.safetensors"))


def write_adamw(path):
    """Four steps over two parameters in fp64; the global norm is clipped in some of them."""
    torch.set_default_dtype(torch.float64)
    parameters = {"a": torch.randn(2, 3), "b": torch.randn(4)}
    stored = {"initial/" + name: p.clone() for name, p in parameters.items()}
    optimizer = torch.optim.AdamW(
        [p.requires_grad_() for p in parameters.values()],
        lr=0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    for step, size in enumerate([0.05, 2.0, 0.3, 1e-7]):
        for name, p in parameters.items():
            p.grad = size * torch.randn(p.shape)
            stored[f"{step}/gradient/{name}"] = p.grad.clone()
        stored[f"{step}/norm"] = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0).reshape(1)
        optimizer.step()
        for name, p in parameters.items():
            stored[f"{step}/parameter/{name}"] = p.detach().clone()
            stored[f"{step}/exp_avg/{name}"] = optimizer.state[p]["exp_avg"].clone()
            stored[f"{step}/exp_avg_sq/{name}"] = optimizer.state[p]["exp_avg_sq"].clone()
    torch.set_default_dtype(torch.float32)
    save_file(stored, path)


def main(folder):
    torch.manual_seed(20240817)
    torch.set_num_threads(1)
    for name, config in VARIANTS.items():
        write_variant(os.path.join(folder, name), config)
    write_adamw(os.path.join(folder, "adamw.safetensors"))


if __name__ == "__main__":
    main(sys.argv[1])
