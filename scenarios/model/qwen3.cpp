#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.vocab_size = 151936,
                                             .intermediate_size = 22016,
                                             .max_position_embeddings = 32768,
                                             .num_key_value_heads = {32},
                                             .head_dim = {128}});
  all.push_back(flag_key("attention_bias"));
  return all;
}

// Each rank norms the heads that it holds: the weight's gradient is a sum over tp.
std::vector<TpPlanEntry> tp_plan() {
  std::vector<TpPlanEntry> plan = decoder_tp_plan();
  plan.insert(plan.begin() + 3, {{"layers.*.self_attn.q_norm", "replicated_with_grad_allreduce"},
                                 {"layers.*.self_attn.k_norm", "replicated_with_grad_allreduce"}});
  return plan;
}

// As llama, and after o_proj a norm over the head dimension for the queries, one for the keys.
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {model.attention_bias, model.attention_bias}, list);
    list.rms_norm(layer + ".self_attn.q_norm", model.head_dim);
    list.rms_norm(layer + ".self_attn.k_norm", model.head_dim);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers, models/qwen3. AutoTP has no preset of that name, and "qwen2" would not sum
// the gradients of q_norm and k_norm.
Family qwen3_family() {
  return {.model_type = "qwen3",
          .preset = "",
          .causal_class = "Qwen3ForCausalLM",
          .base_class = "Qwen3Model",
          .blocks = {{"model.layers", "Qwen3DecoderLayer"}},
          .tp_plan = tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = decoder_neutral_keys(),
          .harmless = {"sliding_window", "max_window_layers"},
          .parameters = parameters};
}

}  // namespace shardproof
