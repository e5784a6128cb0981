#include "scenarios/model/decoder.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

std::vector<ConfigKey> keys() {
  std::vector<ConfigKey> all = decoder_keys({.vocab_size = 256000,
                                             .hidden_size = 2304,
                                             .intermediate_size = 9216,
                                             .max_position_embeddings = 8192,
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
  for (const auto& [name, cap] :
       {std::pair{"final_logit_softcapping", 30.0}, std::pair{"attn_logit_softcapping", 50.0}})
    all.push_back({.name = name, .kind = Kind::non_negative, .absent = {cap}, .null = Fallback{0}});
  all.push_back(
      {.name = "rms_norm_offset", .kind = Kind::positive, .absent = {1}, .derived = true});
  return all;
}

std::vector<NeutralConfigKey> neutral() {
  const char* only = "only \"gelu_pytorch_tanh\" is implemented";
  std::vector<NeutralConfigKey> all = decoder_neutral_keys();
  std::erase_if(all, [](const NeutralConfigKey& key) {
    return std::string(key.key) == "hidden_act" || std::string(key.key) == "layer_types";
  });
  all.push_back({"hidden_act", "\"gelu_pytorch_tanh\"", only});
  all.push_back({"hidden_activation", "\"gelu_pytorch_tanh\"", only});
  all.push_back({"layer_types", R"(["sliding_attention", "full_attention"])",
                 "only layers that look back over a window and over everything by turns are "
                 "implemented"});
  all.push_back(
      {"use_bidirectional_attention", "false", "only causal attention is implemented: only false"});
  return all;
}

// As llama, and four norms a layer, two of them of what is added to the residual:
//   input_layernorm, post_attention_layernorm, pre_feedforward_layernorm,
//   post_feedforward_layernorm  (C)
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  return decoder_parameters(model, [&](const std::string& layer, ParameterList& list) {
    add_attention(model, layer + ".self_attn", {model.attention_bias, model.attention_bias}, list);
    add_gated_mlp(model, layer + ".mlp", model.intermediate_size, list);
    for (const char* norm : {".input_layernorm", ".post_attention_layernorm",
                             ".pre_feedforward_layernorm", ".post_feedforward_layernorm"})
      list.rms_norm(layer + norm, model.hidden_size);
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
          .harmless = {"cache_implementation"},
          .parameters = parameters};
}

}  // namespace shardproof
