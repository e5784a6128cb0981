#include "reference/models/families.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::reference {

// ChatGLM2 and 3: GLM Team 2024, arXiv:2406.12793. Grouped-query attention from one fused weight
// [Q; K; V], the first half of each head rotated in neighbouring pairs, SwiGLU from one fused
// weight [gate; up].

namespace {

Value attention(Graph& net, const ModelDescription& model, const std::string& module, Value x,
                const Rotary& tables) {
  const std::int64_t width = model.head_dim;
  const std::int64_t queries = model.num_attention_heads * width;
  const std::int64_t keys = model.num_key_value_heads * width;
  const Value fused = net.linear(module + ".query_key_value", x);
  const auto qkv = net.split(module, {"query", "key", "value"}, fused, {queries, keys, keys});
  const RotaryForm form{.head_dim = width, .pairing = RotaryPairing::interleaved};
  const Value q = net.rotary(module, "query_rotated", qkv[0], tables, form);
  const Value k = net.rotary(module, "key_rotated", qkv[1], tables, form);
  const Value attended = net.attention(module, q, k, qkv[2], {.head_dim = width});
  return net.linear(module + ".dense", attended);
}

Value mlp(Graph& net, const ModelDescription& model, const std::string& module, Value x) {
  const std::int64_t width = model.intermediate_size;
  const Value fused = net.linear(module + ".dense_h_to_4h", x);
  const auto inner = net.split(module, {"gate", "up"}, fused, {width, width});
  return net.linear(module + ".dense_4h_to_h", net.swiglu(module, inner[0], inner[1]));
}

}  // namespace

Value chatglm(Graph& net, const ModelDescription& model) {
  const auto norm = [&](const std::string& module, Value x) {
    return net.rms_norm(module, x, model.rms_norm_eps);
  };
  const Rotary tables =
      net.rotary_tables(model.head_dim / 2, rotary_frequencies(model, net.micro_batch().positions));

  Value x = net.embedding("transformer.embedding.word_embeddings", net.tokens());
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "transformer.encoder.layers." + std::to_string(i);
    const Value attended = attention(net, model, layer + ".self_attention",
                                     norm(layer + ".input_layernorm", x), tables);
    x = net.add(layer, "residual", x, attended);
    x = net.add(layer, "output", x,
                mlp(net, model, layer + ".mlp", norm(layer + ".post_attention_layernorm", x)));
  }
  return net.linear("transformer.output_layer", norm("transformer.encoder.final_layernorm", x));
}

}  // namespace shardproof::reference
