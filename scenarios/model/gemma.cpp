#include "scenarios/model/gemma.hpp"

namespace shardproof {

std::vector<ConfigKey> gemma_keys(const GemmaDefaults& defaults) {
  using Kind = ConfigKey::Kind;
  std::vector<ConfigKey> all =
      decoder_keys({.vocab_size = defaults.vocab_size,
                    .hidden_size = 2304,
                    .intermediate_size = 9216,
                    .max_position_embeddings = defaults.max_position_embeddings,
                    .rope_theta = defaults.rope_theta,
                    .pad_token_id = 0,
                    .num_key_value_heads = {4},
                    .head_dim = {256}});
  for (ConfigKey& key : all) {
    const std::string name = key.name;
    if (name == "num_hidden_layers") key.absent = {26};
    if (name == "num_attention_heads") key.absent = {8};
    if (name == "tie_word_embeddings") key.absent = {1};
  }
  all.push_back(flag_key("attention_bias"));
  all.push_back({.name = "query_pre_attn_scalar", .kind = Kind::positive, .absent = {256}});
  all.push_back(sliding_window_key({4096}));
  all.push_back({.name = "final_logit_softcapping",
                 .kind = Kind::non_negative,
                 .absent = {defaults.final_logit_softcapping},
                 .null = Fallback{0}});
  all.push_back(
      {.name = "rms_norm_offset", .kind = Kind::positive, .absent = {1}, .derived = true});
  return all;
}

std::vector<NeutralConfigKey> gemma_neutral_keys() {
  const char* only = "only \"gelu_pytorch_tanh\" is implemented";
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  std::erase_if(all, [](const NeutralConfigKey& key) {
    return std::string(key.key) == "hidden_act" || std::string(key.key) == "layer_types";
  });
  all.push_back({"hidden_act", "\"gelu_pytorch_tanh\"", only});
  all.push_back({"hidden_activation", "\"gelu_pytorch_tanh\"", only});
  all.push_back(
      {"use_bidirectional_attention", "false", "only causal attention is implemented: only false"});
  return all;
}

void add_gemma_norms(const ModelDescription& model, const std::string& layer, ParameterList& list) {
  for (const char* norm : {".input_layernorm", ".post_attention_layernorm",
                           ".pre_feedforward_layernorm", ".post_feedforward_layernorm"})
    list.rms_norm(layer + norm, model.hidden_size);
}

}  // namespace shardproof
