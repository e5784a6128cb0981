#include "scenarios/model/families.hpp"
#include "scenarios/model/gemma.hpp"

namespace shardproof {

namespace {

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = gemma_keys(
      {.vocab_size = 256000, .max_position_embeddings = 8192, .final_logit_softcapping = 30});
  all.push_back({.name = "attn_logit_softcapping",
                 .kind = ConfigKey::Kind::non_negative,
                 .absent = {50},
                 .null = Fallback{0}});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = gemma_neutral_keys();
  all.push_back({"layer_types", R"(["sliding_attention", "full_attention"])",
                 "only layers that look back over a window and over everything by turns are "
                 "implemented"});
  return all;
}

// As llama, and the norms of gemma.hpp.
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {model.attention_bias, model.attention_bias}, list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_gemma_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers 4.57, models/gemma2. AutoTP has no preset of that name.
Family gemma2_family() {
  return {.model_type = "gemma2",
          .preset = "",
          .causal_class = "Gemma2ForCausalLM",
          .base_class = "Gemma2Model",
          .blocks = {{"model.layers", "Gemma2DecoderLayer"}},
          .tp_plan = decoder_tp_plan(),
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"cache_implementation", "sliding_window_size"},
          .parameters = parameters};
}

}  // namespace shardproof
