#include "reference/models/decoder.hpp"

#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::reference {

Decoder::Decoder(Graph& net, const ModelDescription& model)
    : net_(net),
      model_(model),
      tables_(net.rotary_tables(turned_width(model),
                                rotary_frequencies(model, net.micro_batch().positions))) {}

Value Decoder::logits(const Half& attention, const Half& mlp) {
  Value x = net_.embedding("model.embed_tokens", net_.tokens(), model_.padding_row());
  for (std::int64_t i = 0; i < model_.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    x = net_.add(layer, "residual", x, attention(layer, norm(layer + ".input_layernorm", x)));
    x = net_.add(layer, "output", x, mlp(layer, norm(layer + ".post_attention_layernorm", x)));
  }
  const bool tied = model_.tie_word_embeddings;
  return net_.linear("lm_head", norm("model.norm", x),
                     tied ? "model.embed_tokens.weight" : "lm_head.weight");
}

Value Decoder::norm(const std::string& module, Value x) {
  return net_.rms_norm(module, x, model_.rms_norm_eps);
}

Decoder::Projections Decoder::separate_projections(const std::string& module, Value x) {
  const Value q = net_.linear(module + ".q_proj", x);
  const Value k = net_.linear(module + ".k_proj", x);
  const Value v = net_.linear(module + ".v_proj", x);
  return {q, k, v};
}

Decoder::Projections Decoder::normed_projections(const std::string& module, Value x) {
  const auto [q, k, v] = separate_projections(module, x);
  const Value query = norm(module + ".q_norm", q), key = norm(module + ".k_norm", k);
  return {query, key, v};
}

Decoder::Projections Decoder::fused_projections(const std::string& module, Value x) {
  const std::int64_t queries = model_.num_attention_heads * model_.head_dim;
  const std::int64_t keys = model_.num_key_value_heads * model_.head_dim;
  const Value fused = net_.linear(module + ".qkv_proj", x);
  const std::vector<Value> apart =
      net_.split(module, {"query", "key", "value"}, fused, {queries, keys, keys});
  return {apart[0], apart[1], apart[2]};
}

Value Decoder::attend(const std::string& module, const Projections& of) {
  const bool has_window = model_.has_number("sliding_window");
  const std::int64_t window = has_window ? model_.count("sliding_window") : 0;
  const Value q = net_.rotary(module, "query_rotated", of.q, tables_, rotary_form(model_));
  const Value k = net_.rotary(module, "key_rotated", of.k, tables_, rotary_form(model_));
  const Value attended =
      net_.attention(module, q, k, of.v, {.head_dim = model_.head_dim, .window = window});
  return net_.linear(module + ".o_proj", attended);
}

Value Decoder::gated_mlp(const std::string& module, Value x) {
  const Value gate = net_.linear(module + ".gate_proj", x);
  const Value up = net_.linear(module + ".up_proj", x);
  return net_.linear(module + ".down_proj", net_.swiglu(module, gate, up));
}

Value Decoder::fused_gated_mlp(const std::string& module, Value x) {
  const std::int64_t inner = model_.intermediate_size;
  const Value fused = net_.linear(module + ".gate_up_proj", x);
  const std::vector<Value> apart = net_.split(module, {"gate", "up"}, fused, {inner, inner});
  return net_.linear(module + ".down_proj", net_.swiglu(module, apart[0], apart[1]));
}

}  // namespace shardproof::reference
