#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

// The places before that of the first token are of a padding that nothing writes any more.
constexpr std::int64_t kFirstPosition = 2;

std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .absent = {768}},
      {.name = "intermediate_size", .spelt = {"ffn_dim"}, .absent = {3072}},
      {.name = "num_hidden_layers", .absent = {12}, .highest = 1'000},
      {.name = "num_attention_heads", .absent = {12}},
      {.name = "num_key_value_heads", .absent = {1, "num_attention_heads"}, .derived = true},
      {.name = "head_dim", .absent = {1, "hidden_size", "num_attention_heads"}, .derived = true},
      {.name = "vocab_size", .absent = {50272}, .lowest = 2, .highest = std::int64_t{1} << 31},
      {.name = "pad_token_id",
       .kind = Kind::row,
       .absent = {1},
       .null = Fallback{kNoRow},
       .other = "vocab_size"},
      {.name = "max_position_embeddings", .absent = {2048}, .highest = std::int64_t{1} << 31},
      {.name = "first_position", .absent = {kFirstPosition}, .derived = true},
      {.name = "word_embed_proj_dim",
       .absent = {1, "hidden_size"},
       .relation = ConfigKey::Relation::equals,
       .other = "hidden_size"},
      {.name = "layer_norm_epsilon", .kind = Kind::positive, .absent = {1e-5}, .derived = true},
      {.name = "initializer_range",
       .spelt = {"init_std"},
       .kind = Kind::non_negative,
       .absent = {0.02}},
      {.name = "enable_bias", .kind = Kind::flag, .absent = {1}},
      {.name = "tie_word_embeddings", .kind = Kind::flag, .absent = {1}},
  };
}

std::vector<NeutralConfigKey> neutral() {
  return {
      {"activation_function", "\"relu\"", "only \"relu\" is implemented"},
      {"do_layer_norm_before", "true",
       "norms behind the halves of a block, as OPT-350m has them, are not implemented: only true"},
      {"_remove_final_layer_norm", "false",
       "a decoder without its last norm is not implemented: only false"},
      {"layer_norm_elementwise_affine", "true",
       "norms without weights are not implemented: only true"},
  };
}

// With hidden C, inner I, vocabulary V, positions P; all norms have a bias, and linear layers too
// unless enable_bias is false:
//   model.decoder.embed_tokens.weight               (V, C)      also the head's, if tied
//   model.decoder.embed_positions.weight            (P + 2, C)
//   model.decoder.final_layer_norm                  (C)
//   model.decoder.layers.N.self_attn.k_proj         (C, C)      v_proj, q_proj, out_proj alike
//   model.decoder.layers.N.self_attn_layer_norm     (C)
//   model.decoder.layers.N.fc1, fc2                 (I, C), (C, I)
//   model.decoder.layers.N.final_layer_norm         (C)
//   lm_head.weight                                  (V, C)      absent if tied; no bias
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size;
  const bool bias = model.flag("enable_bias");
  ParameterList list;
  list.embedding("model.decoder.embed_tokens", model.vocab_size, hidden);
  list.embedding("model.decoder.embed_positions",
                 model.max_position_embeddings + model.count("first_position"), hidden);
  list.layer_norm("model.decoder.final_layer_norm", hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string block = "model.decoder.layers." + std::to_string(layer);
    for (const char* projection : {"k_proj", "v_proj", "q_proj", "out_proj"})
      list.linear(block + ".self_attn." + projection, hidden, hidden, bias);
    list.layer_norm(block + ".self_attn_layer_norm", hidden);
    list.linear(block + ".fc1", model.intermediate_size, hidden, bias);
    list.linear(block + ".fc2", hidden, model.intermediate_size, bias);
    list.layer_norm(block + ".final_layer_norm", hidden);
  }
  if (!model.tie_word_embeddings) list.linear("lm_head", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Source: transformers 4.57, models/opt. AutoTP has no preset and transformers no tp_plan for it:
// its heuristics find out_proj and fc2, which norms follow.
Family opt_family() {
  return {
      .model_type = "opt",
      .preset = "",
      .causal_class = "OPTForCausalLM",
      .base_class = "OPTModel",
      .blocks = {{"model.decoder.layers", "OPTDecoderLayer"}},
      .tp_plan = {},
      .base_prefix = "model.",
      .buffers = {},
      .rotary = RotaryKeys::none,
      .keys = keys(),
      .dropouts = {{"dropout", 0.1}, {"attention_dropout"}, {"activation_dropout"}, {"layerdrop"}},
      .neutral = neutral(),
      .harmless = {"prefix"},
      .parameters = parameters};
}

}  // namespace shardproof
