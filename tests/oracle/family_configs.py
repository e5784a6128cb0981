"""The tiny models of the golden vectors: for each family its variants, each a Hugging Face config.

Sizes are small, and differ where they could be mistaken for each other. Dropout is 0 everywhere: a
test cannot draw torch's random numbers.
"""

COMMON = {
    "initializer_range": 0.02,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
ROTARY = {
    **COMMON,
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 24,
    "max_position_embeddings": 32,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "attention_dropout": 0.0,
}

# A pad_token_id is a token that occurs, and not only where nothing is predicted.
LLAMA = {**ROTARY, "architectures": ["LlamaForCausalLM"], "model_type": "llama",
         "attention_bias": False, "mlp_bias": False}

# Six frequencies: llama3 leaves two waves as they are, bends one, and slows three.
ROPE = {**LLAMA, "head_dim": 12, "max_position_embeddings": 400, "rope_theta": 500.0}
LLAMA3_ROPE = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 100}

# Two pairs stay as they are, one is halfway, three are slowed; by default one, four and one.
YARN_DEFAULTS = {"rope_type": "yarn", "factor": 4.0}
YARN_ROPE = {**YARN_DEFAULTS, "original_max_position_embeddings": 100, "beta_fast": 4.0,
             "beta_slow": 1.0, "attention_factor": 1.25, "truncate": False}

# The sequence has 10 tokens: from the fifth on, a query no longer sees the first key.
MISTRAL = {**ROTARY, "architectures": ["MistralForCausalLM"], "model_type": "mistral",
           "head_dim": 4, "sliding_window": 4}

QWEN2 = {**ROTARY, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2",
         "use_sliding_window": False, "sliding_window": 32, "max_window_layers": 2}

# head_dim is no hidden_size / num_attention_heads: q_proj makes 24 features of 16.
QWEN3 = {**ROTARY, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 6,
         "attention_bias": False, "use_sliding_window": False, "sliding_window": None,
         "max_window_layers": 2, "rope_theta": 1000000.0, "rms_norm_eps": 1e-06}

# A dense layer and one of experts; the fifth is chosen by no token, as MIXTRAL's.
QWEN3_MOE = {**ROTARY, "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe",
             "head_dim": 6, "attention_bias": False, "use_sliding_window": False,
             "sliding_window": None, "max_window_layers": 2, "rope_theta": 1000000.0,
             "rms_norm_eps": 1e-06, "decoder_sparse_step": 2, "moe_intermediate_size": 6,
             "mlp_only_layers": [], "norm_topk_prob": True, "num_experts": 5,
             "num_experts_per_tok": 2, "output_router_logits": False,
             "router_aux_loss_coef": 0.001}

# Norms over all heads, and after each half of a block.
OLMO2 = {**ROTARY, "architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2",
         "attention_bias": False, "pad_token_id": None}

# A cap that bends, a window that hides, and a scale that is not that of the head dimension.
GEMMA2 = {**ROTARY, "architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "head_dim": 6,
          "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
          "attention_bias": False, "query_pre_attn_scalar": 5, "sliding_window": 4,
          "final_logit_softcapping": 1.5, "attn_logit_softcapping": 0.75,
          "rms_norm_eps": 1e-06, "pad_token_id": None, "tie_word_embeddings": True}

# One layer turns by the local base and one by the scaled global one, in heads whose norms matter.
GEMMA3 = {**ROTARY, "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text",
          "head_dim": 6, "hidden_act": "gelu_pytorch_tanh",
          "hidden_activation": "gelu_pytorch_tanh", "attention_bias": False,
          "query_pre_attn_scalar": 24, "sliding_window": 4, "rope_theta": 1000.0,
          "rope_local_base_freq": 50.0, "rms_norm_eps": 1e-06, "tie_word_embeddings": True}

# A null pad_token_id, because the default one (32000) must be a row of the embedding.
PHI3 = {**ROTARY, "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "embd_pdrop": 0.0,
        "resid_pdrop": 0.0, "original_max_position_embeddings": 32, "rope_scaling": None,
        "sliding_window": None, "pad_token_id": None}

# Ten tokens are short of 16 positions, and more than 8.
LONGROPE = {**PHI3, "original_max_position_embeddings": 16,
            "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5],
                             "long_factor": [2.0, 12.25]}}

# Three of the four pairs of a head are turned, as of Phi-4-mini's heads three quarters.
PART_TURNED = {**PHI3, "hidden_size": 24, "num_attention_heads": 3, "num_key_value_heads": 1,
               "partial_rotary_factor": 0.75}

GPT2 = {**COMMON, "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
        "activation_function": "gelu_new", "n_embd": 12, "n_head": 4, "n_inner": None, "n_layer": 2,
        "n_positions": 16, "vocab_size": 24, "layer_norm_epsilon": 1e-05, "attn_pdrop": 0.0,
        "embd_pdrop": 0.0, "resid_pdrop": 0.0, "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False, "reorder_and_upcast_attn": False,
        "tie_word_embeddings": True}

# A third of each head of six features is turned.
GPT_NEOX = {**COMMON, "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox",
            "hidden_size": 12, "intermediate_size": 20, "num_attention_heads": 2,
            "num_hidden_layers": 2, "vocab_size": 24, "max_position_embeddings": 32,
            "hidden_act": "gelu", "rotary_pct": 0.34, "rotary_emb_base": 100,
            "layer_norm_eps": 1e-05, "attention_dropout": 0.0, "hidden_dropout": 0.0,
            "classifier_dropout": 0.1, "use_parallel_residual": True, "attention_bias": True,
            "tie_word_embeddings": False}

# A padding row that occurs, and more positions than are read.
OPT = {**COMMON, "architectures": ["OPTForCausalLM"], "model_type": "opt", "hidden_size": 12,
       "ffn_dim": 20, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 24,
       "max_position_embeddings": 16, "activation_function": "relu", "do_layer_norm_before": True,
       "word_embed_proj_dim": 12, "dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0,
       "init_std": 0.02, "pad_token_id": 1, "enable_bias": True,
       "layer_norm_elementwise_affine": True, "tie_word_embeddings": True}
del OPT["initializer_range"]

BLOOM = {**COMMON, "architectures": ["BloomForCausalLM"], "model_type": "bloom", "hidden_size": 12,
         "n_head": 4, "n_layer": 2, "vocab_size": 24, "layer_norm_epsilon": 1e-05,
         "hidden_dropout": 0.0, "attention_dropout": 0.0,
         "apply_residual_connection_post_layernorm": False, "pretraining_tp": 1,
         "slow_but_exact": False, "tie_word_embeddings": True}

# Five experts: see forget_last_expert() in family_golden.py.
MIXTRAL = {**ROTARY, "architectures": ["MixtralForCausalLM"], "model_type": "mixtral",
           "intermediate_size": 12, "num_local_experts": 5, "num_experts_per_tok": 2,
           "output_router_logits": False, "router_aux_loss_coef": 0.001, "router_jitter_noise": 0.0,
           "sliding_window": None, "rope_theta": 1000000.0}

DEEPSEEK_V2 = {**ROTARY, "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
               "attention_bias": False, "aux_loss_alpha": 0.001, "first_k_dense_replace": 1,
               "intermediate_size": 12, "kv_lora_rank": 8, "moe_intermediate_size": 4,
               "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 4, "n_shared_experts": 2,
               "norm_topk_prob": False, "num_attention_heads": 2, "num_experts_per_tok": 2,
               "num_key_value_heads": 2, "q_lora_rank": None, "qk_nope_head_dim": 6,
               "qk_rope_head_dim": 4, "rope_scaling": None, "routed_scaling_factor": 1.0,
               "scoring_func": "softmax", "seq_aux": True, "topk_group": 1, "topk_method": "greedy",
               "v_head_dim": 5}

# Two of four groups of two experts are kept; of texts that are longer than trained, so that scores
# grow too.
DEEPSEEK_V3 = {**{k: v for k, v in DEEPSEEK_V2.items() if k not in ("scoring_func", "topk_method")},
               "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
               "n_group": 4, "n_routed_experts": 8, "n_shared_experts": 1, "norm_topk_prob": True,
               "num_experts_per_tok": 3, "q_lora_rank": 7, "qk_rope_head_dim": 8,
               "rope_interleave": True, "rope_theta": 500.0,
               "rope_scaling": {"type": "yarn", "factor": 8.0, "beta_fast": 3, "beta_slow": 1,
                                "mscale": 1.0, "mscale_all_dim": 0.5,
                                "original_max_position_embeddings": 64},
               "routed_scaling_factor": 2.5, "topk_group": 2}

# The keys of ChatGLM2-6B's published config.
CHATGLM = {"architectures": ["ChatGLMModel"], "model_type": "chatglm", "add_bias_linear": False,
           "add_qkv_bias": True, "apply_query_key_layer_scaling": True,
           "apply_residual_connection_post_layernorm": False, "attention_dropout": 0.0,
           "attention_softmax_in_fp32": True, "bias_dropout_fusion": True, "ffn_hidden_size": 14,
           "fp32_residual_connection": False, "hidden_dropout": 0.0, "hidden_size": 16,
           "kv_channels": 8, "layernorm_epsilon": 1e-05, "multi_query_attention": True,
           "multi_query_group_num": 2, "num_attention_heads": 4, "num_layers": 2,
           "original_rope": True, "padded_vocab_size": 24, "post_layer_norm": True,
           "rmsnorm": True, "seq_length": 32, "tie_word_embeddings": False,
           "torch_dtype": "float32"}

FAMILIES = {
    "llama": {
        "llama-gqa": LLAMA,
        "llama-bias": {**LLAMA, "attention_bias": True, "mlp_bias": True, "num_key_value_heads": 1,
                       "rms_norm_eps": 1e-06, "rope_theta": 500.0},
        "llama-rope-linear": {**ROPE, "rope_scaling": {"rope_type": "linear", "factor": 4.0}},
        "llama-rope-llama3": {**ROPE, "rope_scaling": LLAMA3_ROPE},
        "llama-rope-yarn": {**ROPE, "rope_scaling": YARN_ROPE},
        "llama-rope-yarn-defaults": {**ROPE, "rope_scaling": YARN_DEFAULTS},
        "llama-pad": {**LLAMA, "pad_token_id": 18},
    },
    "mistral": {"mistral-window": MISTRAL},
    "qwen2": {
        "qwen2-bias": QWEN2,
        "qwen2-tied": {**QWEN2, "tie_word_embeddings": True, "num_key_value_heads": 1},
        "qwen2-tied-pad": {**QWEN2, "tie_word_embeddings": True, "pad_token_id": -20},
    },
    "qwen3": {
        "qwen3-untied": QWEN3,
        "qwen3-tied": {**QWEN3, "tie_word_embeddings": True, "attention_bias": True, "head_dim": 4},
    },
    "phi3": {
        "phi3-mha": {**PHI3, "num_key_value_heads": 4, "sliding_window": 5},
        "phi3-gqa": PHI3,
        "phi3-longrope-short": LONGROPE,
        "phi3-longrope-long": {**LONGROPE, "original_max_position_embeddings": 8},
        "phi3-part-turned": PART_TURNED,
        "phi3-part-turned-longrope": {
            **PART_TURNED, "original_max_position_embeddings": 8, "tie_word_embeddings": True,
            "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.25, 1.5],
                             "long_factor": [1.5, 2.0, 12.25]}},
    },
    "gpt2": {
        "gpt2-tied": GPT2,
        "gpt2-untied": {**GPT2, "n_embd": 16, "n_inner": 20, "tie_word_embeddings": False},
    },
    "bloom": {
        "bloom-heads-4": BLOOM,
        "bloom-heads-6": {**BLOOM, "n_head": 6},
    },
    "gemma2": {
        "gemma2-capped": GEMMA2,
        "gemma2-uncapped": {**GEMMA2, "final_logit_softcapping": None,
                            "attn_logit_softcapping": None, "tie_word_embeddings": False},
    },
    "olmo2": {
        "olmo2-gqa": OLMO2,
        "olmo2-bias-pad": {**OLMO2, "attention_bias": True, "num_key_value_heads": 4,
                           "pad_token_id": 18},
    },
    "gemma3_text": {
        "gemma3_text-types": {**GEMMA3, "layer_types": ["sliding_attention", "full_attention"],
                              "rope_scaling": {"rope_type": "linear", "factor": 4.0},
                              "pad_token_id": 18},
        "gemma3_text-pattern": {**GEMMA3, "sliding_window_pattern": 2, "num_hidden_layers": 3,
                                "attention_bias": True, "final_logit_softcapping": 1.5,
                                "pad_token_id": None, "tie_word_embeddings": False},
    },
    "gpt_neox": {
        "gpt_neox-parallel": GPT_NEOX,
        "gpt_neox-one-after-the-other": {**GPT_NEOX, "use_parallel_residual": False,
                                         "attention_bias": False, "rotary_pct": 1.0},
        "gpt_neox-tied": {**GPT_NEOX, "num_hidden_layers": 1, "tie_word_embeddings": True},
    },
    "opt": {
        "opt-tied": OPT,
        "opt-untied": {**OPT, "enable_bias": False, "pad_token_id": None,
                       "tie_word_embeddings": False},
    },
    "mixtral": {"mixtral-unused-expert": MIXTRAL},
    "qwen3_moe": {
        "qwen3_moe-unused-expert": QWEN3_MOE,
        "qwen3_moe-plain-weights": {**QWEN3_MOE, "norm_topk_prob": False, "decoder_sparse_step": 1,
                                    "num_experts_per_tok": 3},
    },
    "deepseek_v2": {
        "deepseek_v2-lite": DEEPSEEK_V2,
        "deepseek_v2-q-lora": {**DEEPSEEK_V2, "q_lora_rank": 7, "routed_scaling_factor": 1.5},
        "deepseek_v2-yarn": {**DEEPSEEK_V2, "qk_rope_head_dim": 8, "rope_theta": 500.0,
                             "rope_scaling": {"type": "yarn", "factor": 8.0, "beta_fast": 3,
                                              "beta_slow": 1, "mscale": 1.0,
                                              "mscale_all_dim": 0.5,
                                              "original_max_position_embeddings": 64}},
    },
    "deepseek_v3": {
        "deepseek_v3-groups": DEEPSEEK_V3,
        "deepseek_v3-plain-scores": {**DEEPSEEK_V3, "attention_bias": True, "n_group": 1,
                                     "n_shared_experts": 2, "norm_topk_prob": False,
                                     "q_lora_rank": None, "rope_interleave": False,
                                     "rope_scaling": None, "topk_group": 1},
    },
    "chatglm": {
        "chatglm-groups-2": CHATGLM,
        "chatglm-groups-4": {**CHATGLM, "multi_query_group_num": 4, "kv_channels": 4,
                             "rope_ratio": 50, "_name_or_path": "THUDM/chatglm3-6b-32k"},
        "chatglm-positions": {**CHATGLM, "rope_ratio": 4,
                              "_name_or_path": "THUDM/chatglm2-6b-32k"},
    },
}
