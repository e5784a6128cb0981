#include "reference/models/families.hpp"

namespace shardproof::reference {

// BLOOM: BigScience Workshop 2022, arXiv:2211.05100. No positions but ALiBi's slopes, a norm after
// the embedding, and query, key and value side by side within each head. The residual is what comes
// before the norm.

namespace {

Value attention(Graph& net, const ModelDescription& model, const std::string& module, Value x,
                Value slopes) {
  const std::int64_t width = model.head_dim;
  const Value fused = net.linear(module + ".query_key_value", x);
  const auto qkv = net.split(module, {"query", "key", "value"}, fused, {width, width, width});
  const Value attended = net.attention(module, qkv[0], qkv[1], qkv[2], {.head_dim = width}, slopes);
  return net.linear(module + ".dense", attended);
}

Value mlp(Graph& net, const std::string& module, Value x) {
  const Value inner = net.linear(module + ".dense_h_to_4h", x);
  return net.linear(module + ".dense_4h_to_h", net.gelu(module, inner, GeluForm::tanh_bloom));
}

}  // namespace

Value bloom(Graph& net, const ModelDescription& model) {
  const auto norm = [&](const std::string& module, Value x) {
    return net.layer_norm(module, x, model.number("layer_norm_epsilon"));
  };
  const Value slopes = net.alibi_slopes(model.num_attention_heads);

  Value x = net.embedding("transformer.word_embeddings", net.tokens());
  x = norm("transformer.word_embeddings_layernorm", x);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "transformer.h." + std::to_string(i);
    const Value attended = attention(net, model, layer + ".self_attention",
                                     norm(layer + ".input_layernorm", x), slopes);
    x = net.add(layer, "residual", x, attended);
    x = net.add(layer, "output", x,
                mlp(net, layer + ".mlp", norm(layer + ".post_attention_layernorm", x)));
  }
  x = norm("transformer.ln_f", x);
  const bool tied = model.tie_word_embeddings;
  return net.linear("lm_head", x, tied ? "transformer.word_embeddings.weight" : "lm_head.weight");
}

}  // namespace shardproof::reference
