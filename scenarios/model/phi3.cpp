#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof {

namespace {

using Cut = OwnCutRule::Type;
using Parts = OwnCutRule::Parts;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.vocab_size = 32064,
                                             .hidden_size = 3072,
                                             .intermediate_size = 8192,
                                             .max_position_embeddings = 4096,
                                             .rms_norm_eps = 1e-5,
                                             .pad_token_id = 32000});
  all.push_back(sliding_window_key({0}));
  all.push_back({.name = "rotary_pct",
                 .spelt = {"partial_rotary_factor"},
                 .kind = ConfigKey::Kind::positive,
                 .absent = {1}});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  std::erase_if(all, [](const NeutralConfigKey& key) {
    return std::string(key.key) == "partial_rotary_factor";
  });
  all.push_back({"attention_bias", "false", "Phi3ForCausalLM has no biases: only false"});
  all.push_back({"lm_head_bias", "false", "Phi3ForCausalLM has no biases: only false"});
  all.push_back({"mlp_bias", "false", "Phi3ForCausalLM has no biases: only false"});
  return all;
}

// With hidden C, heads h, KV heads k, head dimension d, inner I, in each layer:
//   self_attn.o_proj.weight    (C, h d)
//   self_attn.qkv_proj.weight  ((h + 2 k) d, C)   rows: all of Q, then K, then V
//   mlp.gate_up_proj.weight    (2 I, C)           rows: gate, then up
//   mlp.down_proj.weight       (C, I)
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  require_pairs(model, "partial_rotary_factor");
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  return decoder_parameters(model, [=, &model](const std::string& layer, ParameterList& list) {
    list.linear(layer + ".self_attn.o_proj", hidden, queries);
    list.linear(layer + ".self_attn.qkv_proj", queries + 2 * keys, hidden);
    list.linear(layer + ".mlp.gate_up_proj", 2 * model.intermediate_size, hidden);
    list.linear(layer + ".mlp.down_proj", hidden, model.intermediate_size);
    add_layer_norms(model, layer, list);
  });
}

}  // namespace

// Source: transformers 4.57, models/phi3; its tp_plan has a style that AutoTP refuses, and the
// preset cuts Q, K and V in thirds.
Family phi3_family() {
  return {.model_type = "phi3",
          .preset = "phi3",
          .causal_class = "Phi3ForCausalLM",
          .base_class = "Phi3Model",
          .blocks = {{"model.layers", "Phi3DecoderLayer"}},
          .tp_plan = {{"layers.*.self_attn.qkv_proj", "colwise_rep"},
                      {"layers.*.self_attn.o_proj", "rowwise_rep"},
                      {"layers.*.mlp.gate_up_proj", "colwise_rep"},
                      {"layers.*.mlp.down_proj", "rowwise_rep"},
                      {"lm_head", "colwise_rep"}},
          .own_cut = {{R"(.*\.self_attn\.qkv_proj\.weight$)", Cut::column, Parts::query_key_value},
                      {R"(.*\.self_attn\.o_proj\.weight$)", Cut::row},
                      {R"(.*\.mlp\.gate_up_proj\.weight$)", Cut::column, Parts::halves},
                      {R"(.*\.mlp\.down_proj\.weight$)", Cut::row}},
          .base_prefix = "model.",
          .buffers = {".rotary_emb.inv_freq"},
          .rotary = RotaryKeys::longrope,
          .keys = keys(),
          .dropouts = decoder_dropouts(),
          .neutral = neutral(),
          .harmless = {},
          .parameters = parameters};
}

}  // namespace shardproof
