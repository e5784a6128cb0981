#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .absent = {6144}},
      {.name = "intermediate_size", .absent = {24576}},
      {.name = "num_hidden_layers", .absent = {44}, .highest = 1'000},
      {.name = "num_attention_heads", .absent = {64}},
      {.name = "num_key_value_heads", .absent = {1, "num_attention_heads"}, .derived = true},
      {.name = "head_dim", .absent = {1, "hidden_size", "num_attention_heads"}, .derived = true},
      {.name = "vocab_size", .absent = {50432}, .lowest = 2, .highest = std::int64_t{1} << 31},
      {.name = "max_position_embeddings", .absent = {2048}, .highest = std::int64_t{1} << 31},
      {.name = "layer_norm_epsilon",
       .spelt = {"layer_norm_eps"},
       .kind = Kind::positive,
       .absent = {1e-5}},
      {.name = "rope_theta",
       .spelt = {"rotary_emb_base"},
       .kind = Kind::positive,
       .absent = {10000}},
      {.name = "rotary_pct", .kind = Kind::positive, .absent = {0.25}},
      {.name = "initializer_range", .kind = Kind::non_negative, .absent = {0.02}},
      {.name = "attention_bias", .kind = Kind::flag, .absent = {1}},
      {.name = "use_parallel_residual", .kind = Kind::flag, .absent = {1}},
      {.name = "tie_word_embeddings", .kind = Kind::flag},
  };
}

std::vector<NeutralConfigKey> neutral() {
  return {
      {"hidden_act", "\"gelu\"", "only \"gelu\" is implemented"},
      {"rope_scaling", "null",
       "scaled rotary embeddings of gpt_neox are not implemented: only null"},
  };
}

// With hidden C, inner I, heads h, head dimension d, vocabulary V:
//   gpt_neox.embed_in.weight                            (V, C)
//   gpt_neox.layers.N.input_layernorm                   (C)        all norms have a bias
//   gpt_neox.layers.N.post_attention_layernorm          (C)
//   gpt_neox.layers.N.attention.query_key_value         (3 C, C)   rows: (h, 3, d), and a bias
//   gpt_neox.layers.N.attention.dense                   (C, C)     and a bias
//   gpt_neox.layers.N.mlp.dense_h_to_4h, dense_4h_to_h  (I, C), (C, I), each with a bias
//   gpt_neox.final_layer_norm                           (C)
//   embed_out.weight                                    (V, C)     no bias; not if it is tied
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  require_pairs(model, "rotary_pct");
  const std::int64_t hidden = model.hidden_size;
  ParameterList list;
  list.embedding("gpt_neox.embed_in", model.vocab_size, hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string block = "gpt_neox.layers." + std::to_string(layer);
    list.layer_norm(block + ".input_layernorm", hidden);
    list.layer_norm(block + ".post_attention_layernorm", hidden);
    list.linear(block + ".attention.query_key_value", 3 * hidden, hidden, model.attention_bias);
    list.linear(block + ".attention.dense", hidden, hidden, model.attention_bias);
    list.linear(block + ".mlp.dense_h_to_4h", model.intermediate_size, hidden, true);
    list.linear(block + ".mlp.dense_4h_to_h", hidden, model.intermediate_size, true);
  }
  list.layer_norm("gpt_neox.final_layer_norm", hidden);
  if (!model.tie_word_embeddings) list.linear("embed_out", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Source: transformers 4.57, models/gpt_neox. AutoTP has no preset of that name.
Family gpt_neox_family() {
  return {.model_type = "gpt_neox",
          .preset = "",
          .causal_class = "GPTNeoXForCausalLM",
          .base_class = "GPTNeoXModel",
          .blocks = {{"gpt_neox.layers", "GPTNeoXLayer"}},
          .tp_plan = {{"layers.*.attention.query_key_value", "colwise"},
                      {"layers.*.attention.dense", "rowwise"},
                      {"layers.*.mlp.dense_h_to_4h", "colwise"},
                      {"layers.*.mlp.dense_4h_to_h", "rowwise"},
                      {"embed_out", "colwise_rep"}},
          .head = "embed_out",
          .base_prefix = "gpt_neox.",
          .buffers = {".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"},
          .rotary = RotaryKeys::none,
          .keys = keys(),
          .dropouts = {{"attention_dropout"}, {"hidden_dropout"}},
          .neutral = neutral(),
          .harmless = {"classifier_dropout", "pad_token_id"},
          .parameters = parameters};
}

}  // namespace shardproof
