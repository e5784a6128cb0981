"""ChatGLM a second time, from what is published about it, in plain torch and fp64; compares with
the golden vectors of chatglm.

    python chatglm_second_derivation.py vectors/chatglm-*

Independent of family_golden.py in the names, in the order of the fused weights and in each formula.
Sources:
- GLM-130B (arXiv:2210.02414): rotary positions, gated linear unit in the feed-forward part.
- GLM-4 (arXiv:2406.12793), section 2: no bias but that of QKV, RMSNorm and SwiGLU, rotary positions
  in two dimensions, group query attention.
- ChatGLM2-6B's config and checkpoint: names and shapes; kv_channels (head dimension),
  multi_query_group_num (heads of k and of v), rows of query_key_value: all q, then k, then v; rows
  of dense_h_to_4h: gate, then up.
Rotary positions: of each head, only the first half of the dimensions turns. In it dimensions 2i and
2i + 1 are a pair, the point (x, y) that position t turns by t * base^(-2i / (head dimension / 2)),
base = 10000 * rope_ratio. ChatGLM2's long version divides t by rope_ratio instead.
"""

import json
import sys

import torch
from safetensors.torch import load_file


def rms_norm(x, weight, eps):
    return weight * x / (x.square().mean(-1, keepdim=True) + eps).sqrt()


def rotate(x, base, stretch):
    """x: (B, T, heads, head dimension)."""
    turned = x.shape[-1] // 2
    result = x.clone()
    for i in range(turned // 2):
        position = torch.arange(x.shape[1], dtype=x.dtype) / stretch
        angle = position * base ** (-2 * i / turned)
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        first, second = x[..., 2 * i], x[..., 2 * i + 1]
        result[..., 2 * i] = first * cos - second * sin
        result[..., 2 * i + 1] = first * sin + second * cos
    return result


def attention(q, k, v):
    """q: (B, T, H, D), k and v: (B, T, groups, D). Head h reads group h // (H / groups)."""
    batch, length, heads, width = q.shape
    output = torch.zeros_like(q)
    for h in range(heads):
        group = h // (heads // k.shape[2])
        for t in range(length):
            seen = slice(0, t + 1)
            scores = torch.einsum("bd,bsd->bs", q[:, t, h], k[:, seen, group]) / width ** 0.5
            weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
            output[:, t, h] = torch.einsum("bs,bsd->bd", weights, v[:, seen, group])
    return output.reshape(batch, length, heads * width)


def logits_of(config, weights, tokens):
    heads, groups = config["num_attention_heads"], config["multi_query_group_num"]
    width, eps = config["kv_channels"], config["layernorm_epsilon"]
    ratio = config.get("rope_ratio", 1)
    stretch = ratio if "chatglm2" in config.get("_name_or_path", "") else 1
    rope = (10000.0 * ratio / stretch, stretch)

    def cut(x, first, count):
        return x[..., first * width:(first + count) * width].unflatten(-1, (count, width))

    x = weights["transformer.embedding.word_embeddings.weight"][tokens]
    for i in range(config["num_layers"]):
        layer = f"transformer.encoder.layers.{i}."
        normed = rms_norm(x, weights[layer + "input_layernorm.weight"], eps)
        qkv = normed @ weights[layer + "self_attention.query_key_value.weight"].T
        qkv = qkv + weights[layer + "self_attention.query_key_value.bias"]
        q, k = rotate(cut(qkv, 0, heads), *rope), rotate(cut(qkv, heads, groups), *rope)
        attended = attention(q, k, cut(qkv, heads + groups, groups))
        x = x + attended @ weights[layer + "self_attention.dense.weight"].T
        normed = rms_norm(x, weights[layer + "post_attention_layernorm.weight"], eps)
        fused = normed @ weights[layer + "mlp.dense_h_to_4h.weight"].T
        gate, up = fused[..., :fused.shape[-1] // 2], fused[..., fused.shape[-1] // 2:]
        activation = gate / (1 + (-gate).exp()) * up
        x = x + activation @ weights[layer + "mlp.dense_4h_to_h.weight"].T
    x = rms_norm(x, weights["transformer.encoder.final_layernorm.weight"], eps)
    return x @ weights["transformer.output_layer.weight"].T


def mean_loss(logits, tokens):
    """Each position predicts the next token."""
    log_sum = logits[:, :-1].exp().sum(-1).log()
    target = logits[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]
    return (log_sum - target).mean()


def check(folder):
    with open(folder + "/config.json") as file:
        config = json.load(file)
    expected = load_file(folder + "/expected.safetensors")
    stored = load_file(folder + "/model.safetensors")
    weights = {name: w.double().requires_grad_() for name, w in stored.items()}
    tokens = expected["tokens"].long()
    logits = logits_of(config, weights, tokens)
    loss = mean_loss(logits, tokens)
    loss.backward()
    results = {"logits": logits.detach(), "loss": loss.detach().reshape(1)}
    results.update({"gradient/" + name: w.grad for name, w in weights.items()})
    assert {"fp64/" + name for name in results} == {n for n in expected if n.startswith("fp64/")}
    for name, value in results.items():
        golden = expected["fp64/" + name]
        difference = ((value - golden).abs().max() / golden.abs().max()).item()
        assert difference < 1e-12, f"{folder}: {name} differs by {difference}"
    print(f"{folder}: logits, loss and {len(weights)} gradients agree")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for argument in sys.argv[1:]:
        check(argument)
