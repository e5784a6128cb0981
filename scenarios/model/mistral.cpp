#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys(
      {.intermediate_size = 14336, .max_position_embeddings = 131072, .num_key_value_heads = {8}});
  all.push_back(sliding_window_key({4096}));
  return all;
}

// As llama, without biases.
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {}, list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers, models/mistral. AutoTP has no preset of that name; "llama" fits.
Family mistral_family() {
  return {.model_type = "mistral",
          .preset = "",
          .causal_class = "MistralForCausalLM",
          .base_class = "MistralModel",
          .blocks = {{"model.layers", "MistralDecoderLayer"}},
          .tp_plan = decoder_tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = decoder_neutral_keys(),
          .harmless = {},
          .parameters = parameters};
}

}  // namespace shardproof
