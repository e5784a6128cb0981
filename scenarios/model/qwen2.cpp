#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  return decoder_keys({.vocab_size = 151936,
                       .intermediate_size = 22016,
                       .max_position_embeddings = 32768,
                       .num_key_value_heads = {32}});
}

// As llama, with a bias in q_proj, k_proj and v_proj.
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {.query_key_value = true}, list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers, models/qwen2. Without use_sliding_window the window's size says nothing.
Family qwen2_family() {
  return {.model_type = "qwen2",
          .preset = "qwen2",
          .causal_class = "Qwen2ForCausalLM",
          .base_class = "Qwen2Model",
          .blocks = {{"model.layers", "Qwen2DecoderLayer"}},
          .tp_plan = decoder_tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = decoder_neutral_keys(),
          .harmless = {"sliding_window", "max_window_layers", "use_mrope"},
          .parameters = parameters};
}

}  // namespace shardproof
