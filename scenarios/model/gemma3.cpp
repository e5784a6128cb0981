#include "scenarios/model/families.hpp"
#include "scenarios/model/gemma.hpp"

namespace shardproof {

namespace {

using Cut = OwnCutRule::Type;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = gemma_keys(
      {.vocab_size = 262208, .max_position_embeddings = 131072, .rope_theta = 1'000'000});
  all.push_back(
      {.name = "rope_local_base_freq", .kind = ConfigKey::Kind::positive, .absent = {10'000}});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = gemma_neutral_keys();
  all.push_back({"attn_logit_softcapping", "null",
                 "Gemma3Attention of transformers keeps it and never applies it: only null"});
  return all;
}

// As qwen3, and the norms of gemma.hpp.
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_normed_attention(model, layer + ".self_attn", list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    add_gemma_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers 4.57, models/gemma3, the model of texts alone. AutoTP has no preset of that
// name, and the published tp_plan leaves q_norm and k_norm out: ranks that hold other heads would
// give their weights other gradients, so that a plan by it does not type-check.
Family gemma3_family() {
  return {.model_type = "gemma3_text",
          .preset = "",
          .causal_class = "Gemma3ForCausalLM",
          .base_class = "Gemma3TextModel",
          .blocks = {{"model.layers", "Gemma3DecoderLayer"}},
          .tp_plan = decoder_tp_plan(),
          .own_cut = {{R"(.*\.self_attn\.(q|k|v)_proj\.weight$)", Cut::column},
                      {R"(.*\.self_attn\.o_proj\.weight$)", Cut::row},
                      {R"(.*\.self_attn\.(q|k)_norm\.weight$)", Cut::summed},
                      {R"(.*\.mlp\.(gate|up)_proj\.weight$)", Cut::column},
                      {R"(.*\.mlp\.down_proj\.weight$)", Cut::row}},
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq", ".rotary_emb_local.inv_freq"},
          .rotary = RotaryKeys::scalable,
          .mixed_layers = true,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {"cache_implementation", "_sliding_window_pattern"},
          .parameters = parameters};
}

}  // namespace shardproof
