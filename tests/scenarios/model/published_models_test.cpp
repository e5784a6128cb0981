// The config.json files of published models, with every key that they carry, and how many
// parameters those models have by their model cards.
#include <boost/test/unit_test.hpp>

#include "scenarios/config/model/model_config.hpp"

using namespace shardproof;

namespace {

std::int64_t parameter_count(const char* config, Mode mode = Mode::training) {
  std::int64_t count = 0;
  for (const ParameterDescription& p :
       model_from_json(parse_json(config, "config.json"), mode).parameters)
    count += element_count(p.shape);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(published_models)

BOOST_AUTO_TEST_CASE(llama_2_7b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["LlamaForCausalLM"], "bos_token_id": 1,
      "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
      "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
      "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
      "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
      "tie_word_embeddings": false, "torch_dtype": "float16", "transformers_version": "4.31.0",
      "use_cache": true, "vocab_size": 32000})") == 6'738'415'616);
}

BOOST_AUTO_TEST_CASE(llama_3_2_1b_with_scaled_rotary_embeddings_and_a_tied_head) {
  BOOST_TEST(parameter_count(R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "bos_token_id": 128000, "eos_token_id": 128001, "head_dim": 64,
      "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
      "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false,
      "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
      "num_key_value_heads": 8, "pretraining_tp": 1, "rms_norm_eps": 1e-05,
      "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3"},
      "rope_theta": 500000.0, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      "transformers_version": "4.45.0.dev0", "use_cache": true, "vocab_size": 128256})") ==
             1'235'814'400);
}

BOOST_AUTO_TEST_CASE(mistral_7b_v0_1) {
  BOOST_TEST(parameter_count(R"({"architectures": ["MistralForCausalLM"], "bos_token_id": 1,
      "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
      "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral",
      "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
      "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 4096,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.34.0.dev0",
      "use_cache": true, "vocab_size": 32000})") == 7'241'732'096);
}

BOOST_AUTO_TEST_CASE(qwen2_0_5b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Qwen2ForCausalLM"], "attention_dropout": 0.0,
      "bos_token_id": 151643, "eos_token_id": 151643, "hidden_act": "silu", "hidden_size": 896,
      "initializer_range": 0.02, "intermediate_size": 4864, "max_position_embeddings": 131072,
      "max_window_layers": 24, "model_type": "qwen2", "num_attention_heads": 14,
      "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
      "rope_theta": 1000000.0, "sliding_window": 131072, "tie_word_embeddings": true,
      "torch_dtype": "bfloat16", "transformers_version": "4.40.1", "use_cache": true,
      "use_sliding_window": false, "vocab_size": 151936})") == 494'032'768);
}

BOOST_AUTO_TEST_CASE(qwen3_0_6b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128,
      "hidden_act": "silu", "hidden_size": 1024, "initializer_range": 0.02,
      "intermediate_size": 3072, "max_position_embeddings": 40960, "max_window_layers": 28,
      "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28,
      "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000,
      "sliding_window": null, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
      "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false,
      "vocab_size": 151936})") == 596'049'920);
}

BOOST_AUTO_TEST_CASE(qwen3_30b_a3b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "bos_token_id": 151643, "decoder_sparse_step": 1,
      "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048,
      "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 40960,
      "max_window_layers": 48, "mlp_only_layers": [], "model_type": "qwen3_moe",
      "moe_intermediate_size": 768, "norm_topk_prob": true, "num_attention_heads": 32,
      "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
      "num_key_value_heads": 4, "output_router_logits": false, "rms_norm_eps": 1e-06,
      "rope_scaling": null, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.001,
      "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
      "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false,
      "vocab_size": 151936})") == 30'532'122'624);
}

BOOST_AUTO_TEST_CASE(gemma_2_2b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Gemma2ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "attn_logit_softcapping": 50.0, "bos_token_id": 2,
      "cache_implementation": "hybrid", "eos_token_id": 1, "final_logit_softcapping": 30.0,
      "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
      "hidden_size": 2304, "initializer_range": 0.02, "intermediate_size": 9216,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
      "max_position_embeddings": 8192, "model_type": "gemma2", "num_attention_heads": 8,
      "num_hidden_layers": 26, "num_key_value_heads": 4, "pad_token_id": null,
      "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
      "sliding_window": 4096, "torch_dtype": "float32", "transformers_version": "4.42.0.dev0",
      "use_cache": true, "vocab_size": 256000})") == 2'614'341'888);
}

BOOST_AUTO_TEST_CASE(olmo_2_7b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Olmo2ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "eos_token_id": 100257, "hidden_act": "silu", "hidden_size": 4096,
      "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 4096,
      "model_type": "olmo2", "num_attention_heads": 32, "num_hidden_layers": 32,
      "num_key_value_heads": 32, "pad_token_id": 100277, "rms_norm_eps": 1e-06,
      "rope_scaling": null, "rope_theta": 500000, "tie_word_embeddings": false,
      "torch_dtype": "float32", "transformers_version": "4.47.0", "use_cache": true,
      "vocab_size": 100352})") == 7'298'617'344);
}

BOOST_AUTO_TEST_CASE(gemma_3_1b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Gemma3ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "attn_logit_softcapping": null, "bos_token_id": 2,
      "cache_implementation": "hybrid", "eos_token_id": [1, 106], "final_logit_softcapping": null,
      "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
      "initializer_range": 0.02, "intermediate_size": 6912, "max_position_embeddings": 32768,
      "model_type": "gemma3_text", "num_attention_heads": 4, "num_hidden_layers": 26,
      "num_key_value_heads": 1, "pad_token_id": 0, "query_pre_attn_scalar": 256,
      "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000, "rope_scaling": null,
      "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6,
      "torch_dtype": "bfloat16", "transformers_version": "4.50.0.dev0", "use_cache": true,
      "vocab_size": 262144})") == 999'885'952);
}

// As later versions write it: a list instead of a pattern.
BOOST_AUTO_TEST_CASE(gemma_3_270m) {
  BOOST_TEST(parameter_count(R"({"_sliding_window_pattern": 6,
      "architectures": ["Gemma3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
      "attn_logit_softcapping": null, "bos_token_id": 2, "eos_token_id": 1,
      "final_logit_softcapping": null, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh",
      "hidden_size": 640, "initializer_range": 0.02, "intermediate_size": 2048,
      "layer_types": ["sliding_attention", "sliding_attention", "sliding_attention",
        "sliding_attention", "sliding_attention", "full_attention", "sliding_attention",
        "sliding_attention", "sliding_attention", "sliding_attention", "sliding_attention",
        "full_attention", "sliding_attention", "sliding_attention", "sliding_attention",
        "sliding_attention", "sliding_attention", "full_attention"],
      "max_position_embeddings": 32768, "model_type": "gemma3_text", "num_attention_heads": 4,
      "num_hidden_layers": 18, "num_key_value_heads": 1, "pad_token_id": 0,
      "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000.0,
      "rope_scaling": null, "rope_theta": 1000000.0, "sliding_window": 512,
      "torch_dtype": "bfloat16", "transformers_version": "4.55.0.dev0",
      "use_bidirectional_attention": false, "use_cache": true,
      "vocab_size": 262144})") == 268'098'176);
}

// With the key that only Gemma's own first code read.
BOOST_AUTO_TEST_CASE(gemma_2_9b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Gemma2ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "attn_logit_softcapping": 50.0, "bos_token_id": 2,
      "cache_implementation": "hybrid", "eos_token_id": 1, "final_logit_softcapping": 30.0,
      "head_dim": 256, "hidden_act": "gelu_pytorch_tanh",
      "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 3584, "initializer_range": 0.02,
      "intermediate_size": 14336, "max_position_embeddings": 8192, "model_type": "gemma2",
      "num_attention_heads": 16, "num_hidden_layers": 42, "num_key_value_heads": 8,
      "pad_token_id": 0, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06,
      "rope_theta": 10000.0, "sliding_window": 4096, "sliding_window_size": 4096,
      "torch_dtype": "float32", "transformers_version": "4.42.0.dev0", "use_cache": true,
      "vocab_size": 256000})") == 9'241'705'984);
}

// With the divisors that are too many to repeat here.
BOOST_AUTO_TEST_CASE(phi_4_mini) {
  const JsonValue config = read_json("end_to_end/people/published/phi_4_mini.json");
  std::int64_t count = 0;
  for (const ParameterDescription& p : model_from_json(config).parameters)
    count += element_count(p.shape);
  BOOST_TEST(count == 3'836'021'760);
}

BOOST_AUTO_TEST_CASE(opt_125m_in_inference) {
  const char* config = R"({"_name_or_path": "facebook/opt-125m", "activation_dropout": 0.0,
      "activation_function": "relu", "architectures": ["OPTForCausalLM"], "attention_dropout": 0.0,
      "bos_token_id": 2, "do_layer_norm_before": true, "dropout": 0.1, "eos_token_id": 2,
      "ffn_dim": 3072, "hidden_size": 768, "init_std": 0.02, "layerdrop": 0.0,
      "max_position_embeddings": 2048, "model_type": "opt", "num_attention_heads": 12,
      "num_hidden_layers": 12, "pad_token_id": 1, "prefix": "</s>", "torch_dtype": "float16",
      "transformers_version": "4.21.0.dev0", "use_cache": true, "vocab_size": 50272,
      "word_embed_proj_dim": 768})";
  BOOST_TEST(parameter_count(config, Mode::inference) == 125'239'296);
}

BOOST_AUTO_TEST_CASE(pythia_160m) {
  BOOST_TEST(parameter_count(R"({"architectures": ["GPTNeoXForCausalLM"], "bos_token_id": 0,
      "eos_token_id": 0, "hidden_act": "gelu", "hidden_size": 768, "initializer_range": 0.02,
      "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 2048,
      "model_type": "gpt_neox", "num_attention_heads": 12, "num_hidden_layers": 12,
      "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": false,
      "torch_dtype": "float16", "transformers_version": "4.24.0", "use_cache": true,
      "use_parallel_residual": true, "vocab_size": 50304})") == 162'322'944);
}

BOOST_AUTO_TEST_CASE(phi_3_mini_4k) {
  BOOST_TEST(parameter_count(R"({"_name_or_path": "Phi-3-mini-4k-instruct",
      "architectures": ["Phi3ForCausalLM"], "attention_dropout": 0.0,
      "auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}, "bos_token_id": 1,
      "embd_pdrop": 0.0, "eos_token_id": 32000, "hidden_act": "silu", "hidden_size": 3072,
      "initializer_range": 0.02, "intermediate_size": 8192, "max_position_embeddings": 4096,
      "model_type": "phi3", "num_attention_heads": 32, "num_hidden_layers": 32,
      "num_key_value_heads": 32, "original_max_position_embeddings": 4096, "pad_token_id": 32000,
      "resid_pdrop": 0.0, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
      "sliding_window": 2047, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
      "transformers_version": "4.40.2", "use_cache": true, "attention_bias": false,
      "vocab_size": 32064})") == 3'821'079'552);
}

// Its dropouts are for inference alone.
BOOST_AUTO_TEST_CASE(phi_4) {
  BOOST_TEST(parameter_count(R"({"architectures": ["Phi3ForCausalLM"], "attention_bias": false,
      "attention_dropout": 0.0, "bos_token_id": 100257, "embd_pdrop": 0.0, "eos_token_id": 100265,
      "hidden_act": "silu", "hidden_size": 5120, "initializer_range": 0.02,
      "intermediate_size": 17920, "max_position_embeddings": 16384, "model_type": "phi3",
      "num_attention_heads": 40, "num_hidden_layers": 40, "num_key_value_heads": 10,
      "original_max_position_embeddings": 16384, "pad_token_id": 100349, "resid_pdrop": 0.0,
      "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 250000, "sliding_window": null,
      "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.47.0",
      "use_cache": true, "vocab_size": 100352})") == 14'659'507'200);
}

BOOST_AUTO_TEST_CASE(gpt2) {
  BOOST_TEST(parameter_count(R"({"activation_function": "gelu_new",
      "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1, "bos_token_id": 50256, "embd_pdrop": 0.1,
      "eos_token_id": 50256, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
      "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12,
      "n_positions": 1024, "resid_pdrop": 0.1, "summary_activation": null,
      "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "summary_type": "cls_index",
      "summary_use_proj": true,
      "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
      "vocab_size": 50257})",
                             Mode::inference) == 124'439'808);
}

BOOST_AUTO_TEST_CASE(bloom_560m) {
  BOOST_TEST(parameter_count(R"({"apply_residual_connection_post_layernorm": false,
      "attention_dropout": 0.0, "attention_softmax_in_fp32": true, "bias_dropout_fusion": true,
      "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3, "unk_token_id": 0,
      "hidden_dropout": 0.0, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
      "masked_softmax_fusion": true, "model_type": "bloom", "n_embed": 1024, "n_inner": null,
      "n_layer": 24, "num_attention_heads": 16, "offset_alibi": 100, "pretraining_tp": 1,
      "seq_length": 2048, "skip_bias_add": true, "skip_bias_add_qkv": false,
      "transformers_version": "4.20.0", "use_cache": true, "vocab_size": 250880,
      "architectures": ["BloomForCausalLM"]})") == 559'214'592);
}

BOOST_AUTO_TEST_CASE(mixtral_8x7b) {
  BOOST_TEST(parameter_count(R"({"architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0,
      "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096,
      "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 32768,
      "model_type": "mixtral", "num_attention_heads": 32, "num_experts_per_tok": 2,
      "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
      "output_router_logits": false, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
      "router_aux_loss_coef": 0.02, "sliding_window": null, "tie_word_embeddings": false,
      "torch_dtype": "bfloat16", "transformers_version": "4.36.0.dev0", "use_cache": true,
      "vocab_size": 32000})") == 46'702'792'704);
}

BOOST_AUTO_TEST_CASE(deepseek_v2_lite) {
  BOOST_TEST(parameter_count(R"({"architectures": ["DeepseekV2ForCausalLM"],
      "attention_bias": false, "attention_dropout": 0.0, "aux_loss_alpha": 0.001,
      "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV2Config"},
      "bos_token_id": 100000, "eos_token_id": 100001, "first_k_dense_replace": 1,
      "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02,
      "intermediate_size": 10944, "kv_lora_rank": 512, "max_position_embeddings": 163840,
      "model_type": "deepseek_v2", "moe_intermediate_size": 1408, "moe_layer_freq": 1, "n_group": 1,
      "n_routed_experts": 64, "n_shared_experts": 2, "norm_topk_prob": false,
      "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 27,
      "num_key_value_heads": 16, "pretraining_tp": 1, "q_lora_rank": null, "qk_nope_head_dim": 128,
      "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06, "rope_scaling": {"beta_fast": 32,
      "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
      "original_max_position_embeddings": 4096, "type": "yarn"}, "rope_theta": 10000,
      "routed_scaling_factor": 1.0, "scoring_func": "softmax", "seq_aux": true,
      "tie_word_embeddings": false, "topk_group": 1, "topk_method": "greedy",
      "torch_dtype": "bfloat16", "transformers_version": "4.33.1", "use_cache": true,
      "v_head_dim": 128, "vocab_size": 102400})") == 15'706'484'224);
}

// With the 14,848 numbers that correct scores, which no optimizer has, it is the 671,026,419,200 of
// the file; that one's weights are quantised, and the layer of its index behind the last is left.
BOOST_AUTO_TEST_CASE(deepseek_v3) {
  const char* config = R"({"architectures": ["DeepseekV3ForCausalLM"],
      "attention_bias": false, "attention_dropout": 0.0,
      "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config",
        "AutoModel": "modeling_deepseek.DeepseekV3Model",
        "AutoModelForCausalLM": "modeling_deepseek.DeepseekV3ForCausalLM"},
      "aux_loss_alpha": 0.001, "bos_token_id": 0, "eos_token_id": 1, "ep_size": 1,
      "first_k_dense_replace": 3, "hidden_act": "silu", "hidden_size": 7168,
      "initializer_range": 0.02, "intermediate_size": 18432, "kv_lora_rank": 512,
      "max_position_embeddings": 163840, "model_type": "deepseek_v3", "moe_intermediate_size": 2048,
      "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256, "n_shared_experts": 1,
      "norm_topk_prob": true, "num_attention_heads": 128, "num_experts_per_tok": 8,
      "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
      "pretraining_tp": 1, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
      "rms_norm_eps": 1e-06, "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40,
      "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096,
      "type": "yarn"}, "rope_theta": 10000, "routed_scaling_factor": 2.5,
      "scoring_func": "sigmoid", "seq_aux": true, "tie_word_embeddings": false, "topk_group": 4,
      "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "transformers_version": "4.33.1",
      "use_cache": true, "v_head_dim": 128, "vocab_size": 129280})";
  BOOST_TEST(parameter_count(config) == 671'026'404'352);
  const ModelDescription v3 = model_from_json(parse_json(config, "config.json"));
  BOOST_TEST(v3.untrained.size() == 58U);
  BOOST_TEST(v3.untrained.front().name == "model.layers.3.mlp.gate.e_score_correction_bias");
}

BOOST_AUTO_TEST_CASE(chatglm2_6b) {
  BOOST_TEST(parameter_count(R"({"_name_or_path": "THUDM/chatglm2-6b", "model_type": "chatglm",
      "architectures": ["ChatGLMModel"],
      "auto_map": {"AutoConfig": "configuration_chatglm.ChatGLMConfig"}, "add_bias_linear": false,
      "add_qkv_bias": true, "apply_query_key_layer_scaling": true,
      "apply_residual_connection_post_layernorm": false, "attention_dropout": 0.0,
      "attention_softmax_in_fp32": true, "bias_dropout_fusion": true, "ffn_hidden_size": 13696,
      "fp32_residual_connection": false, "hidden_dropout": 0.0, "hidden_size": 4096,
      "kv_channels": 128, "layernorm_epsilon": 1e-05, "multi_query_attention": true,
      "multi_query_group_num": 2, "num_attention_heads": 32, "num_layers": 28,
      "original_rope": true, "padded_vocab_size": 65024, "post_layer_norm": true, "rmsnorm": true,
      "seq_length": 32768, "use_cache": true, "torch_dtype": "float16",
      "transformers_version": "4.27.1", "tie_word_embeddings": false, "eos_token_id": 2})") ==
             6'243'584'000);
}

BOOST_AUTO_TEST_SUITE_END()
