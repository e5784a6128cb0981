#include "scenarios/model/decoder.hpp"

namespace shardproof {

std::vector<ConfigKey> decoder_keys(const DecoderDefaults& defaults) {
  using Kind = ConfigKey::Kind;
  return {
      {.name = "hidden_size", .absent = {defaults.hidden_size}},
      {.name = "intermediate_size", .absent = {defaults.intermediate_size}},
      {.name = "num_hidden_layers", .absent = {32}, .highest = 1'000},
      {.name = "num_attention_heads", .absent = {32}},
      {.name = "num_key_value_heads",
       .absent = defaults.num_key_value_heads,
       .null = Fallback{1, "num_attention_heads"},
       .relation = ConfigKey::Relation::divides,
       .other = "num_attention_heads"},
      {.name = "head_dim",
       .absent = defaults.head_dim,
       .multiple_of = 2,
       .reason = "rotary embeddings need an even number"},
      {.name = "vocab_size",
       .absent = {defaults.vocab_size},
       .lowest = 2,
       .highest = std::int64_t{1} << 31},
      {.name = "pad_token_id",
       .kind = Kind::row,
       .absent = {defaults.pad_token_id},
       .null = Fallback{kNoRow},
       .other = "vocab_size"},
      {.name = "max_position_embeddings",
       .absent = {defaults.max_position_embeddings},
       .highest = std::int64_t{1} << 31},
      {.name = "rms_norm_eps", .kind = Kind::positive, .absent = {defaults.rms_norm_eps}},
      {.name = "rope_theta", .kind = Kind::positive, .absent = {defaults.rope_theta}},
      {.name = "initializer_range", .kind = Kind::non_negative, .absent = {0.02}},
      flag_key("tie_word_embeddings"),
  };
}

ConfigKey flag_key(const char* name) { return {.name = name, .kind = ConfigKey::Kind::flag}; }

ConfigKey sliding_window_key(Fallback absent, Fallback null) {
  return {
      .name = "sliding_window", .absent = absent, .null = null, .highest = std::int64_t{1} << 31};
}

std::vector<DropoutKey> decoder_dropouts() {
  return {{"attention_dropout"}, {"hidden_dropout"}, {"resid_pdrop"}, {"embd_pdrop"}};
}

std::vector<NeutralConfigKey> decoder_neutral_keys() {
  return {
      {"hidden_act", "\"silu\"", "only \"silu\" is implemented"},
      {"pretraining_tp", "1", "slicing the projections again is not implemented: only 1"},
      {"partial_rotary_factor", "1", "partly rotated heads are not implemented: only 1"},
      {"rope_interleaved", "false", "interleaved rotary pairs are not implemented: only false"},
      {"use_sliding_window", "false", "sliding-window attention is not implemented: only false"},
      {"layer_types", "[\"full_attention\"]",
       "layers of several types are not implemented: only \"full_attention\""},
      {"logits_soft_cap", "null", "capped logits are not implemented"},
  };
}

std::vector<TpPlanEntry> decoder_tp_plan() {
  return {
      {"layers.*.self_attn.q_proj", "colwise"}, {"layers.*.self_attn.k_proj", "colwise"},
      {"layers.*.self_attn.v_proj", "colwise"}, {"layers.*.self_attn.o_proj", "rowwise"},
      {"layers.*.mlp.gate_proj", "colwise"},    {"layers.*.mlp.up_proj", "colwise"},
      {"layers.*.mlp.down_proj", "rowwise"},    {"lm_head", "colwise_rep"},
  };
}

void add_attention(const ModelDescription& model, const std::string& module, AttentionBias bias,
                   ParameterList& list) {
  const std::int64_t hidden = model.hidden_size;
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  list.linear(module + ".q_proj", queries, hidden, bias.query_key_value);
  list.linear(module + ".k_proj", keys, hidden, bias.query_key_value);
  list.linear(module + ".v_proj", keys, hidden, bias.query_key_value);
  list.linear(module + ".o_proj", hidden, queries, bias.output);
}

void add_gated_mlp(const ModelDescription& model, const std::string& module, std::int64_t inner,
                   ParameterList& list) {
  list.linear(module + ".gate_proj", inner, model.hidden_size, model.mlp_bias);
  list.linear(module + ".up_proj", inner, model.hidden_size, model.mlp_bias);
  list.linear(module + ".down_proj", model.hidden_size, inner, model.mlp_bias);
}

void add_layer_norms(const ModelDescription& model, const std::string& layer, ParameterList& list) {
  list.rms_norm(layer + ".input_layernorm", model.hidden_size);
  list.rms_norm(layer + ".post_attention_layernorm", model.hidden_size);
}

}  // namespace shardproof
