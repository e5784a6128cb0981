#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({});
  all.push_back(flag_key("attention_bias"));
  all.push_back(flag_key("mlp_bias"));
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  all.push_back(
      {"sliding_window", "null", "sliding-window attention is not implemented: only null"});
  all.push_back({"num_local_experts", "null", "mixtures of experts are not implemented"});
  return all;
}

// With hidden C, heads h, KV heads k, head dimension d, inner I, vocabulary V:
//   model.embed_tokens.weight                   (V, C)
//   model.layers.N.self_attn.q_proj.weight      (h d, C)   k_proj, v_proj: (k d, C)
//   model.layers.N.self_attn.o_proj.weight      (C, h d)
//   model.layers.N.mlp.gate_proj.weight         (I, C)     up_proj alike
//   model.layers.N.mlp.down_proj.weight         (C, I)
//   model.layers.N.input_layernorm.weight       (C)        post_attention_layernorm alike
//   model.norm.weight                           (C)
//   lm_head.weight                              (V, C)     absent if tied
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {model.attention_bias, model.attention_bias}, list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers, models/llama.
Family llama_family() {
  return {.model_type = "llama",
          .preset = "llama",
          .causal_class = "LlamaForCausalLM",
          .base_class = "LlamaModel",
          .blocks = {{"model.layers", "LlamaDecoderLayer"}},
          .tp_plan = decoder_tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {},
          .parameters = parameters};
}

}  // namespace shardproof
