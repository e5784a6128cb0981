#include "scenarios/model/families.hpp"
#include "scenarios/model/parameter_list.hpp"

namespace shardproof {

namespace {

using Kind = ConfigKey::Kind;

std::vector<ConfigKey> keys() {
  return {
      {.name = "hidden_size", .absent = {4096}},
      {.name = "intermediate_size", .spelt = {"ffn_hidden_size"}, .absent = {13696}},
      {.name = "num_hidden_layers",
       .spelt = {"num_layers", "num_hidden_layers"},
       .absent = {28},
       .highest = 1'000},
      {.name = "num_attention_heads", .absent = {32}},
      {.name = "num_key_value_heads",
       .spelt = {"multi_query_group_num"},
       .absent = {1},
       .relation = ConfigKey::Relation::divides,
       .other = "num_attention_heads"},
      {.name = "head_dim",
       .spelt = {"kv_channels"},
       .absent = {128},
       .multiple_of = 4,
       .reason = "rotary embeddings of half the channels need a multiple of 4"},
      {.name = "vocab_size",
       .spelt = {"padded_vocab_size", "vocab_size"},
       .absent = {65024},
       .lowest = 2,
       .highest = std::int64_t{1} << 31},
      {.name = "max_position_embeddings",
       .spelt = {"seq_length"},
       .absent = {2048},
       .highest = std::int64_t{1} << 31},
      {.name = "rms_norm_eps",
       .spelt = {"layernorm_epsilon"},
       .kind = Kind::positive,
       .absent = {1e-5}},
      {.name = "rope_ratio", .kind = Kind::positive, .absent = {1}},
      {.name = "rope_theta", .absent = {10000}, .derived = true},
      // No key of the published class: the deviation of generated weights.
      {.name = "initializer_range", .kind = Kind::non_negative, .absent = {0.02}},
      {.name = "tie_word_embeddings", .absent = {0}, .derived = true},
      {.name = "add_qkv_bias", .kind = Kind::flag},
      {.name = "add_bias_linear", .kind = Kind::flag},
  };
}

std::vector<NeutralConfigKey> neutral() {
  return {
      {"rmsnorm", "true", "a LayerNorm instead is not implemented: only true"},
      {"apply_residual_connection_post_layernorm", "false",
       "a residual taken after the norm is not implemented: only false"},
      {"post_layer_norm", "true", "an encoder without its last norm is not implemented: only true"},
      {"multi_query_attention", "true",
       "query, key and value interleaved head by head are not implemented: only true", "false"},
      {"fp32_residual_connection", "false", "a residual in fp32 is not implemented: only false"},
      {"rotary_percent", "1", "only half of the channels are rotated, whatever it says: only 1"},
      {"original_rope", "true", "only the published rotary embedding is implemented: only true"},
      {"quantization_bit", "0", "quantized weights are not implemented: only 0"},
      {"pre_seq_len", "null", "a trained prefix is not implemented: only null"},
      {"prefix_projection", "false", "a trained prefix is not implemented: only false"},
  };
}

// With hidden C, heads h, groups g, head dimension d, inner I, vocabulary V:
//   transformer.embedding.word_embeddings.weight               (V, C)
//   transformer.encoder.layers.N.input_layernorm.weight        (C)
//       .self_attention.query_key_value                        ((h + 2 g) d, C)   rows: Q, K, V
//       .self_attention.dense                                  (C, h d)
//       .post_attention_layernorm.weight                       (C)
//       .mlp.dense_h_to_4h                                     (2 I, C)           gate, then up
//       .mlp.dense_4h_to_h                                     (C, I)
//   transformer.encoder.final_layernorm.weight                 (C)
//   transformer.output_layer.weight                            (V, C)
std::vector<ParameterDescription> parameters(const ModelDescription& model) {
  const std::int64_t hidden = model.hidden_size, inner = model.intermediate_size;
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  const bool bias = model.flag("add_bias_linear");
  ParameterList list;
  list.embedding("transformer.embedding.word_embeddings", model.vocab_size, hidden);
  for (std::int64_t layer = 0; layer < model.num_hidden_layers; ++layer) {
    const std::string block = "transformer.encoder.layers." + std::to_string(layer);
    list.rms_norm(block + ".input_layernorm", hidden);
    list.linear(block + ".self_attention.query_key_value", queries + 2 * keys, hidden,
                bias || model.flag("add_qkv_bias"));
    list.linear(block + ".self_attention.dense", hidden, queries, bias);
    list.rms_norm(block + ".post_attention_layernorm", hidden);
    list.linear(block + ".mlp.dense_h_to_4h", 2 * inner, hidden, bias);
    list.linear(block + ".mlp.dense_4h_to_h", hidden, inner, bias);
  }
  list.rms_norm("transformer.encoder.final_layernorm", hidden);
  list.linear("transformer.output_layer", model.vocab_size, hidden);
  return list.take();
}

}  // namespace

// Source: configuration_chatglm.py and modeling_chatglm.py of THUDM/chatglm2-6b, whose names
// chatglm3-6b shares; rope_ratio is a key of chatglm2-6b-32k, chatglm3-6b-32k and glm-4-9b. Its
// head is never tied, whatever tie_word_embeddings says: the class names no output embeddings. The
// embedding has no padding row.
Family chatglm_family() {
  return {.model_type = "chatglm",
          .preset = "chatglm",
          .causal_class = "ChatGLMForConditionalGeneration",
          .base_class = "ChatGLMModel",
          .blocks = {{"transformer.encoder.layers", "GLMBlock"}},
          .tp_plan = {},
          .base_prefix = "transformer.",
          .buffers = {".rotary_pos_emb.inv_freq"},
          .rotary = RotaryKeys::ratio,
          .keys = keys(),
          .dropouts = {{"hidden_dropout"}, {"attention_dropout"}},
          .neutral = neutral(),
          .harmless = {"tie_word_embeddings", "pad_token_id", "gmask_token_id", "interleaved_qkv",
                       "bias_dropout_fusion", "apply_query_key_layer_scaling",
                       "attention_softmax_in_fp32", "classifier_dropout"},
          .parameters = parameters};
}

}  // namespace shardproof
