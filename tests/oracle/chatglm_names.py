"""ChatGLM's checkpoint told to transformers' Glm, which is the same model under Llama's names.

ChatGLM keeps its modelling code beside its weights. transformers has the same architecture as Glm
(glm-4-9b-hf is glm-4-9b converted), with other names, and with three weights where ChatGLM has one:
query_key_value is [q; k; v]. dense_h_to_4h is [gate; up] in both.
"""

import torch

RENAMED = [
    ("transformer.embedding.word_embeddings", "model.embed_tokens"),
    ("transformer.encoder.layers.", "model.layers."),
    ("self_attention.query_key_value", "self_attn.qkv"),
    ("self_attention.dense", "self_attn.o_proj"),
    ("mlp.dense_h_to_4h", "mlp.gate_up_proj"),
    ("mlp.dense_4h_to_h", "mlp.down_proj"),
    ("transformer.encoder.final_layernorm", "model.norm"),
    ("transformer.output_layer", "lm_head"),
]


def glm_config(config):
    """The GlmConfig of a ChatGLM config.json. chatglm2's rope_ratio divides positions, which Glm
    calls linear scaling; that of later models multiplies the base."""
    ratio = config.get("rope_ratio", 1)
    divides = "chatglm2" in config.get("_name_or_path", "")
    return {
        "model_type": "glm",
        "architectures": ["GlmForCausalLM"],
        "attention_bias": config["add_qkv_bias"],
        "attention_dropout": config["attention_dropout"],
        "head_dim": config["kv_channels"],
        "hidden_act": "silu",
        "hidden_size": config["hidden_size"],
        "intermediate_size": config["ffn_hidden_size"],
        "max_position_embeddings": config["seq_length"],
        "num_attention_heads": config["num_attention_heads"],
        "num_hidden_layers": config["num_layers"],
        "num_key_value_heads": config["multi_query_group_num"],
        "pad_token_id": None,
        "partial_rotary_factor": 0.5,
        "rms_norm_eps": config["layernorm_epsilon"],
        "rope_scaling": {"rope_type": "linear", "factor": ratio} if divides else None,
        "rope_theta": 10000.0 * (1 if divides else ratio),
        "tie_word_embeddings": config["tie_word_embeddings"],
        "vocab_size": config["padded_vocab_size"],
    }


def chatglm_from_glm(tensors):
    """Glm's named tensors (weights or gradients), in its order, as ChatGLM names and fuses them."""
    result = {}
    for name, tensor in tensors.items():
        if ".k_proj." in name or ".v_proj." in name:
            continue
        if ".q_proj." in name:
            parts = [tensors[name.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj")]
            name, tensor = name.replace("q_proj", "qkv"), torch.cat(parts)
        for ours, theirs in RENAMED:
            name = name.replace(theirs, ours)
        result[name] = tensor
    # Glm has its norms after mlp; ChatGLM declares them where they are used.
    return dict(sorted(result.items(), key=lambda item: place(item[0])))


def place(name):
    """Where the state dict of ChatGLM has a parameter."""
    outer = ["embedding", "layers", "final_layernorm", "output_layer"]
    inner = ["input_layernorm", "query_key_value", "self_attention.dense",
             "post_attention_layernorm", "dense_h_to_4h", "dense_4h_to_h"]
    layer = int(name.split("layers.")[1].split(".")[0]) if "layers." in name else 0

    def first(parts):
        return next((i for i, part in enumerate(parts) if part in name), 0)

    return first(outer), layer, first(inner) if "layers." in name else 0, name.endswith("bias")


def glm_from_chatglm(tensors, config):
    """The other way: fused weights split into q, k and v."""
    result = {}
    queries = config["num_attention_heads"] * config["kv_channels"]
    keys = config["multi_query_group_num"] * config["kv_channels"]
    for name, tensor in tensors.items():
        for ours, theirs in RENAMED:
            name = name.replace(ours, theirs)
        if ".qkv." in name:
            for part, value in zip("qkv", tensor.split([queries, keys, keys])):
                result[name.replace(".qkv.", f".{part}_proj.")] = value
        else:
            result[name] = tensor
    return result
