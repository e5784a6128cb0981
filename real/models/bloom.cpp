#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

// Query, key and value lie side by side within each head.
ValueId attention(Network& net, const std::string& module, ValueId x) {
  const std::int64_t width = net.model().head_dim;
  const ValueId fused = net.linear(module + ".query_key_value", x);
  const std::vector<ValueId> qkv =
      net.split(module, {"query", "key", "value"}, fused, {width, width, width});
  const ValueId attended =
      net.attention(module, qkv[0], qkv[1], qkv[2], {.head_dim = width}, net.alibi_slopes(qkv[0]));
  return net.linear(module + ".dense", attended);
}

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const ValueId inner = net.linear(module + ".dense_h_to_4h", x);
  return net.linear(module + ".dense_4h_to_h", net.gelu(module, inner, GeluForm::tanh_bloom));
}

ValueId block(Network& net, const std::string& module, ValueId x) {
  const ValueId attended =
      attention(net, module + ".self_attention", net.layer_norm(module + ".input_layernorm", x));
  x = net.add(module, "residual", x, attended);
  const ValueId activated =
      mlp(net, module + ".mlp", net.layer_norm(module + ".post_attention_layernorm", x));
  return net.add(module, "output", x, activated);
}

}  // namespace

ValueId lower_bloom(Network& net, ValueId tokens) {
  ValueId x = net.embedding("transformer.word_embeddings", tokens);
  x = net.layer_norm("transformer.word_embeddings_layernorm", x);
  for (std::int64_t i = 0; i < net.model().num_hidden_layers; ++i)
    x = block(net, "transformer.h." + std::to_string(i), x);
  return net.linear("lm_head", net.layer_norm("transformer.ln_f", x),
                    "transformer.word_embeddings");
}

}  // namespace shardproof::real
