#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

// Weights are cut evenly as features are: as many heads as features, of one each.
std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .absent = {64}},
      {.name = "intermediate_size", .absent = {128}},
      {.name = "num_hidden_layers", .absent = {2}, .highest = 1'000},
      {.name = "num_attention_heads", .absent = {1, "hidden_size"}, .derived = true},
      {.name = "num_key_value_heads", .absent = {1, "hidden_size"}, .derived = true},
      {.name = "head_dim", .absent = {1}, .derived = true},
      {.name = "vocab_size", .absent = {64}, .lowest = 2, .highest = std::int64_t{1} << 31},
      {.name = "max_position_embeddings",
       .absent = {0x1p31},
       .derived = true,
       .highest = std::int64_t{1} << 31},
      {.name = "relu", .kind = Kind::flag, .absent = {1}},
      {.name = "squared_error", .kind = Kind::flag, .absent = {1}, .derived = true},
      {.name = "integer_weights", .kind = Kind::flag, .absent = {1}, .derived = true},
      {.name = "tie_word_embeddings", .kind = Kind::flag, .derived = true},
  };
}

// With hidden C, inner I, vocabulary V:
//   model.embed_tokens.weight           (V, C)
//   model.layers.N.mlp.up_proj          (I, C)    and a bias
//   model.layers.N.mlp.down_proj        (C, I)    and a bias
//   lm_head.weight                      (V, C)
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size, inner = model.intermediate_size;
  ParameterList list;
  list.embedding("model.embed_tokens", model.vocab_size, hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string mlp = "model.layers." + std::to_string(layer) + ".mlp";
    list.linear(mlp + ".up_proj", inner, hidden, /*bias=*/true);
    list.linear(mlp + ".down_proj", hidden, inner, /*bias=*/true);
  }
  list.linear("lm_head", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Nobody's model but Shardproof's: sums of products and nothing else, so that with integers for
// weights a whole training step is exact, whatever the order (docs/exact.md). No class of
// transformers: AutoTP's heuristics find down_proj by its name.
Family residual_mlp_family() {
  return {.model_type = "residual_mlp",
          .preset = "",
          .published = false,
          .causal_class = "ResidualMlpForCausalLM",
          .base_class = "ResidualMlpModel",
          .blocks = {{"model.layers", "ResidualMlpLayer"}},
          .tp_plan = {{"layers.*.mlp.up_proj", "colwise"}, {"layers.*.mlp.down_proj", "rowwise"}},
          .base_prefix = "model.",
          .buffers = {},
          .rotary = RotaryKeys::none,
          .keys = keys(),
          .dropouts = {},
          .neutral = {},
          .harmless = {},
          .parameters = parameters};
}

}  // namespace shardproof
