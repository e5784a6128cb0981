"""Writes the golden vectors of one family under vectors/: transformers' own model, run from a
config.json that the tests read too.

    python family_golden.py FAMILY vectors            writes
    python family_golden.py FAMILY vectors --check    runs the stored weights again and compares
    ... --only VARIANT                                one of the family's variants

Each variant (family_configs.py) has a folder:
    config.json           Hugging Face config
    parameters.json       [{"name", "shape"}, ...] in the order of the state dict; no tied lm_head,
                          no buffer
    model.safetensors     weights, fp32 values (exact in fp64)
    expected.safetensors  tokens (B, T), stored as fp32; for each D in {fp64, fp32}: D/loss,
                          D/logits, D/gradient/P for every parameter P (zeros where autograd
                          leaves None)

The witness of llama, mistral, qwen2, qwen3, gemma2, gemma3_text, olmo2, phi3, gpt2, gpt_neox,
opt, bloom, mixtral, qwen3_moe, deepseek_v2 and deepseek_v3 is their own class in transformers.
ChatGLM's code is not part of transformers: its witness is Glm, which is, under ChatGLM's names
(chatglm_names.py), and a second one is chatglm_second_derivation.py.

Two runs, both in training mode, dropout 0, eager attention:
- fp32, as published, the code untouched.
- fp64, with the places that ask for fp32 whatever the model's dtype lifted to fp64. LIFTED lists
  them; writing fails if the places met are not exactly these, or if any operation still gives fp32.
  That the fp32 run agrees shows that the lifting changed nothing but the precision.
"""

import argparse
import json
import os
import sys
import zlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from chatglm_names import chatglm_from_glm, glm_config, glm_from_chatglm
from family_configs import FAMILIES

BATCH, SEQUENCE = 2, 10


def lifted(prefix, *more):
    """What a family with RMSNorm and rotary embeddings lifts."""
    return {
        "ForCausalLMLoss: float",                     # the logits, and so the loss
        "_compute_default_rope_parameters: to",       # inverse frequencies, a buffer
        f"{prefix}RotaryEmbedding.forward: float",    # frequencies, positions, cos and sin
        f"{prefix}RMSNorm.forward: to",               # of the residual stream, q, k, latents
        "eager_attention_forward: softmax",           # attention probabilities
        *more,
    }


YARN = {
    "_compute_yarn_parameters: to",                                # frequencies, and who is slowed
    "_compute_yarn_parameters.<locals>.linear_ramp_factor: arange",
}
LONGROPE = {"_compute_longrope_parameters: tensor", "_compute_longrope_parameters: float"}

LIFTED = {
    "llama": lifted("Llama", *YARN),
    "mistral": lifted("Mistral"),
    "qwen2": lifted("Qwen2"),
    "qwen3": lifted("Qwen3"),
    "olmo2": lifted("Olmo2"),
    "phi3": lifted("Phi3", *LONGROPE),
    "gpt2": {"ForCausalLMLoss: float"},  # its norms, softmax and gelu are in the working dtype
    "gemma2": {
        "ForCausalLMLoss: float",
        "_compute_default_rope_parameters: to",
        "Gemma2RotaryEmbedding.forward: float",
        "Gemma2RMSNorm.forward: float",
        "eager_attention_forward: softmax",
    },
    "gemma3_text": {
        "ForCausalLMLoss: float",
        "_compute_default_rope_parameters: to",
        "Gemma3RotaryEmbedding.forward: float",
        "Gemma3RMSNorm.forward: float",
        "eager_attention_forward: softmax",
    },
    "gpt_neox": {  # its norms and gelu are in the working dtype
        "ForCausalLMLoss: float",
        "_compute_default_rope_parameters: to",
        "GPTNeoXRotaryEmbedding.forward: float",
        "eager_attention_forward: softmax",
    },
    "opt": {  # its norms are in the working dtype
        "ForCausalLMLoss: float",
        "eager_attention_forward: softmax",
    },
    "bloom": {
        "ForCausalLMLoss: float",
        "build_alibi_tensor: tensor",        # the base of the slopes
        "BloomAttention.forward: softmax",
    },
    "qwen3_moe": lifted("Qwen3Moe", "Qwen3MoeSparseMoeBlock.forward: softmax"),
    "mixtral": lifted("Mixtral", "MixtralSparseMoeBlock.forward: softmax"),  # the router
    "deepseek_v2": lifted(
        "DeepseekV2", *YARN,
        "apply_rotary_emb: float",                # q and k while they are rotated
        "DeepseekV2MoEGate.forward: type",        # the router's matmul: input and weight
        "DeepseekV2MoEGate.forward: softmax",     # and its scores
    ),
    "deepseek_v3": lifted(
        "DeepseekV3", *YARN,
        "DeepseekV3TopkRouter.forward: type",     # the router's matmul: input and weight
    ),
    "chatglm": lifted("Glm"),
}


class LiftToFp64(TorchFunctionMode):
    """Every request for fp32 becomes one for fp64; `places` gathers the functions that asked."""

    def __init__(self):
        super().__init__()
        self.places = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        asked = list(args) + list((kwargs or {}).values())
        if function is torch.Tensor.float:
            self.note("float")
            return args[0].double()
        if any(a is torch.float32 for a in asked):
            self.note(function.__name__)
        widened = [torch.float64 if a is torch.float32 else a for a in asked]
        return function(*widened[:len(args)], **dict(zip(kwargs or {}, widened[len(args):])))

    def note(self, operation):
        frame = sys._getframe(2)
        while not frame.f_code.co_filename.startswith(os.path.dirname(transformers.__file__)):
            frame = frame.f_back
        self.places.add(f"{frame.f_code.co_qualname}: {operation}")


class NoFp32(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        for tensor in output if isinstance(output, (tuple, list)) else [output]:
            narrow = getattr(tensor, "dtype", None) in (torch.float32, torch.complex64)
            assert not narrow, f"{function} still gives {tensor.dtype}"
        return output


def make_model(config):
    """transformers' class for a config.json, in torch's default dtype."""
    if config["model_type"] == "chatglm":
        config = glm_config(config)
    family = getattr(transformers, config["architectures"][0])
    arguments = {k: v for k, v in config.items() if k not in ("architectures", "torch_dtype")}
    loaded = family.config_class(**arguments, attn_implementation="eager")
    model = family(loaded).train()
    assert model.config._attn_implementation == "eager"
    return model


def forget_last_expert(model):
    """Layer 1 gets a router that gives no token to its last expert: of the logits a, -a, b, -b, 0
    two are positive."""
    layer = model.model.layers[1]
    weight = (layer.mlp if hasattr(layer, "mlp") else layer.block_sparse_moe).gate.weight
    weight[1], weight[3], weight[4] = -weight[0], -weight[2], 0


def stored_tensors(model):
    """The parameters, and behind them the buffers that a checkpoint holds."""
    buffers = {name: value for name, value in model.state_dict(keep_vars=True).items()
               if name in dict(model.named_buffers())}
    return {**dict(model.named_parameters()), **buffers}


def make_weights(model):
    """Values that make every part matter: attention not uniform, norms not one, biases not zero."""
    with torch.no_grad():
        for name, parameter in stored_tensors(model).items():
            parameter.normal_(0.0, 0.3)
            if name.endswith(".weight") and ("norm" in name or ".ln_" in name):
                parameter.add_(1.0)
        experts = model.config.model_type in ("mixtral", "qwen3_moe")
        if experts and model.config.num_experts_per_tok == 2:
            forget_last_expert(model)


def published_names(config, tensors):
    return chatglm_from_glm(tensors) if config["model_type"] == "chatglm" else tensors


def run(config, weights, tokens):
    """Loss, logits and every gradient, in torch's default dtype."""
    model = make_model(config)
    if config["model_type"] == "chatglm":
        weights = glm_from_chatglm(weights, config)
    parameters = dict(model.named_parameters())
    stored = stored_tensors(model)
    assert stored.keys() == weights.keys()
    with torch.no_grad():
        for name, tensor in stored.items():
            tensor.copy_(weights[name])
    output = model(input_ids=tokens, labels=tokens, use_cache=False)
    output.loss.backward()
    result = {"loss": output.loss.detach().reshape(1), "logits": output.logits.detach()}
    gradients = {name: torch.zeros_like(p) if p.grad is None else p.grad
                 for name, p in parameters.items()}
    for name, gradient in published_names(config, gradients).items():
        result["gradient/" + name] = gradient.clone()
    return result


def run_both(config, weights, tokens):
    """The named results of both runs, and the places that the second one lifted."""
    results = {"fp32/" + name: value for name, value in run(config, weights, tokens).items()}
    weights = {name: value.to(torch.float64) for name, value in weights.items()}
    torch.set_default_dtype(torch.float64)
    with LiftToFp64() as lift, NoFp32():
        wide = run(config, weights, tokens)
    torch.set_default_dtype(torch.float32)
    results.update({"fp64/" + name: value for name, value in wide.items()})
    return results, lift.places


def relative_difference(value, expected):
    """Relative to the largest of `expected`; two tensors of zeros do not differ."""
    difference, largest = (value - expected).abs().max().item(), expected.abs().max().item()
    return difference / largest if difference > 0 else 0.0


def vanishes(name):
    """OPT's keys have a bias and are not turned: it adds the same to all scores of a query, which
    softmax does not see. The gradient is zero, and what is computed is rounding."""
    return "model.decoder." in name and name.endswith(".k_proj.bias")


def worst_difference(values, expected):
    """The largest relative_difference over all names of `values`, and where it is; of a gradient
    that vanishes the largest of either."""
    def difference(name, value):
        if vanishes(name):
            return max(value.abs().max().item(), expected[name].abs().max().item())
        return relative_difference(value.double(), expected[name].double())
    return max((difference(name, value), name) for name, value in values.items())


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def write_variant(folder, config):
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(zlib.crc32(os.path.basename(folder).encode()))
    model = make_model(config)
    make_weights(model)
    weights = {name: p.detach().clone() for name, p in stored_tensors(model).items()}
    tokens = torch.randint(0, model.config.vocab_size, (BATCH, SEQUENCE))
    weights = published_names(config, weights)
    results, places = run_both(config, weights, tokens)
    family = config["model_type"]
    assert places <= LIFTED[family], places - LIFTED[family]

    write_json(os.path.join(folder, "config.json"), config)
    described = [{"name": name, "shape": list(value.shape)} for name, value in weights.items()
                 if "fp64/gradient/" + name in results]
    write_json(os.path.join(folder, "parameters.json"), described)
    save_file(weights, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    expected = {"tokens": tokens.to(torch.float32), **results}  # whole numbers, as all else here
    save_file(expected, os.path.join(folder, "expected.safetensors"))
    report(folder, results)
    return places


def report(folder, results):
    narrow = {n[5:]: v for n, v in results.items() if n.startswith("fp32/")}
    wide = {n[5:]: v for n, v in results.items() if n.startswith("fp64/")}
    difference, name = worst_difference(narrow, wide)
    print(f"{os.path.basename(folder)}: fp32 is {difference:.1e} from fp64 ({name})")
    assert difference < 1e-5
    unused = [name for name, value in wide.items() if not value.any()]
    if unused:
        print("  zero:", *unused)


def check_variant(folder):
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    expected = load_file(os.path.join(folder, "expected.safetensors"))
    weights = load_file(os.path.join(folder, "model.safetensors"))
    tokens = expected.pop("tokens").to(torch.int64)
    results, _ = run_both(config, weights, tokens)
    assert results.keys() == expected.keys()
    for dtype, bound in ("fp32", 1e-5), ("fp64", 1e-12):
        chosen = {name: value for name, value in results.items() if name.startswith(dtype)}
        difference, name = worst_difference(chosen, expected)
        print(f"{os.path.basename(folder)}: {dtype} {difference:.1e} from the stored ({name})")
        assert difference < bound


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("folder")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    places = set()
    for name, config in FAMILIES[arguments.family].items():
        if arguments.only not in (None, name):
            continue
        folder = os.path.join(arguments.folder, name)
        if arguments.check:
            check_variant(folder)
        else:
            places |= write_variant(folder, config)
    if not arguments.check and not arguments.only:
        assert places == LIFTED[arguments.family], LIFTED[arguments.family] - places


if __name__ == "__main__":
    main()
