#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .spelt = {"hidden_size", "n_embed"}, .absent = {64}},
      {.name = "intermediate_size", .absent = {4, "hidden_size"}, .derived = true},
      {.name = "num_hidden_layers",
       .spelt = {"n_layer", "num_hidden_layers"},
       .absent = {2},
       .highest = 1'000},
      {.name = "num_attention_heads", .spelt = {"n_head", "num_attention_heads"}, .absent = {8}},
      {.name = "num_key_value_heads", .absent = {1, "num_attention_heads"}, .derived = true},
      {.name = "head_dim", .absent = {1, "hidden_size", "num_attention_heads"}, .derived = true},
      {.name = "vocab_size", .absent = {250880}, .lowest = 2, .highest = std::int64_t{1} << 31},
      // ALiBi knows no longest sequence: the one of the published training.
      {.name = "max_position_embeddings",
       .spelt = {"seq_length"},
       .absent = {2048},
       .highest = std::int64_t{1} << 31},
      {.name = "layer_norm_epsilon", .kind = Kind::positive, .absent = {1e-5}},
      {.name = "initializer_range", .kind = Kind::non_negative, .absent = {0.02}},
      {.name = "tie_word_embeddings", .kind = Kind::flag, .absent = {1}},
  };
}

std::vector<NeutralConfigKey> neutral() {
  return {
      {"apply_residual_connection_post_layernorm", "false",
       "a residual taken after the norm is not implemented: only false"},
      {"slow_but_exact", "false", "slicing the projections again is not implemented: only false"},
      {"n_inner", "null", "BloomMLP is four times as wide as the model: only null"},
  };
}

// With hidden C, heads h, head dimension d, vocabulary V:
//   transformer.word_embeddings.weight                    (V, C)     also the head's, if tied
//   transformer.word_embeddings_layernorm                 (C)        all norms have a bias
//   transformer.h.N.input_layernorm                       (C)
//   transformer.h.N.self_attention.query_key_value        (3 C, C)   rows: (h, 3, d), and a bias
//   transformer.h.N.self_attention.dense                  (C, C)     and a bias
//   transformer.h.N.post_attention_layernorm              (C)
//   transformer.h.N.mlp.dense_h_to_4h, dense_4h_to_h      (4 C, C), (C, 4 C), each with a bias
//   transformer.ln_f                                      (C)
//   lm_head.weight                                        (V, C)     absent if tied; no bias
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size;
  ParameterList list;
  list.embedding("transformer.word_embeddings", model.vocab_size, hidden);
  list.layer_norm("transformer.word_embeddings_layernorm", hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string block = "transformer.h." + std::to_string(layer);
    list.layer_norm(block + ".input_layernorm", hidden);
    list.linear(block + ".self_attention.query_key_value", 3 * hidden, hidden, true);
    list.linear(block + ".self_attention.dense", hidden, hidden, true);
    list.layer_norm(block + ".post_attention_layernorm", hidden);
    list.linear(block + ".mlp.dense_h_to_4h", model.intermediate_size, hidden, true);
    list.linear(block + ".mlp.dense_4h_to_h", hidden, model.intermediate_size, true);
  }
  list.layer_norm("transformer.ln_f", hidden);
  if (!model.tie_word_embeddings) list.linear("lm_head", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Source: transformers, models/bloom, which publishes no tp_plan and gives its embedding no padding
// row. The keys that the BLOOM
// checkpoints carry from their training are read by nobody.
Family bloom_family() {
  return {.model_type = "bloom",
          .preset = "bloom",
          .causal_class = "BloomForCausalLM",
          .base_class = "BloomModel",
          .blocks = {{"transformer.h", "BloomBlock"}},
          .tp_plan = {},
          .base_prefix = "transformer.",
          .buffers = {},
          .rotary = RotaryKeys::none,
          .keys = keys(),
          .dropouts = {{"hidden_dropout"}, {"attention_dropout"}},
          .neutral = neutral(),
          .harmless = {"pretraining_tp", "pad_token_id", "unk_token_id", "offset_alibi",
                       "attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion",
                       "skip_bias_add", "skip_bias_add_qkv"},
          .parameters = parameters};
}

}  // namespace shardproof
