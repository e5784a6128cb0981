#include "real/models/decoder.hpp"

#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::real {

Decoder::Decoder(Network& net)
    : net_(net),
      table_(net.rotary_table(turned_width(net.model()),
                              rotary_frequencies(net.model(), net.sequence()))) {}

ValueId Decoder::logits(ValueId tokens, const Half& attention, const Half& mlp) {
  ValueId x = net_.embedding("model.embed_tokens", tokens, net_.model().padding_row());
  for (std::int64_t i = 0; i < net_.model().num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    const ValueId attended = attention(layer, net_.rms_norm(layer + ".input_layernorm", x));
    x = net_.add(layer, "residual", x, attended);
    const ValueId activated = mlp(layer, net_.rms_norm(layer + ".post_attention_layernorm", x));
    x = net_.add(layer, "output", x, activated);
  }
  return net_.linear("lm_head", net_.rms_norm("model.norm", x), "model.embed_tokens");
}

Decoder::Projections Decoder::separate_projections(const std::string& module, ValueId x) {
  const ValueId q = net_.linear(module + ".q_proj", x);
  const ValueId k = net_.linear(module + ".k_proj", x);
  const ValueId v = net_.linear(module + ".v_proj", x);
  return {q, k, v};
}

Decoder::Projections Decoder::normed_projections(const std::string& module, ValueId x) {
  const auto [q, k, v] = separate_projections(module, x);
  const ValueId query = net_.rms_norm(module + ".q_norm", q);
  const ValueId key = net_.rms_norm(module + ".k_norm", k);
  return {query, key, v};
}

Decoder::Projections Decoder::fused_projections(const std::string& module, ValueId x) {
  const ModelDescription& model = net_.model();
  const std::int64_t q = model.num_attention_heads * model.head_dim;
  const std::int64_t k = model.num_key_value_heads * model.head_dim;
  const std::vector<ValueId> parts = net_.split(module, {"query", "key", "value"},
                                                net_.linear(module + ".qkv_proj", x), {q, k, k});
  return {parts[0], parts[1], parts[2]};
}

ValueId Decoder::attend(const std::string& module, const Projections& of) {
  const ModelDescription& model = net_.model();
  const std::int64_t window =
      model.has_number("sliding_window") ? model.count("sliding_window") : 0;
  const ValueId q = net_.rotary(module, "query", of.q, table_, rotary_form(model));
  const ValueId k = net_.rotary(module, "key", of.k, table_, rotary_form(model));
  return net_.linear(
      module + ".o_proj",
      net_.attention(module, q, k, of.v, {.head_dim = model.head_dim, .window = window}));
}

ValueId Decoder::gated_mlp(const std::string& module, ValueId x) {
  const ValueId gate = net_.linear(module + ".gate_proj", x);
  const ValueId up = net_.linear(module + ".up_proj", x);
  return net_.linear(module + ".down_proj", net_.swiglu(module, gate, up));
}

ValueId Decoder::fused_gated_mlp(const std::string& module, ValueId x) {
  const std::int64_t inner = net_.model().intermediate_size;
  const std::vector<ValueId> parts =
      net_.split(module, {"gate", "up"}, net_.linear(module + ".gate_up_proj", x), {inner, inner});
  return net_.linear(module + ".down_proj", net_.swiglu(module, parts[0], parts[1]));
}

}  // namespace shardproof::real
