#include "real/models/families.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::real {

namespace {

ValueId attention(Network& net, const std::string& module, ValueId x, RotaryTable table) {
  const std::int64_t width = net.model().head_dim;
  const std::int64_t queries = net.model().num_attention_heads * width;
  const std::int64_t keys = net.model().num_key_value_heads * width;
  const ValueId fused = net.linear(module + ".query_key_value", x);
  const std::vector<ValueId> qkv =
      net.split(module, {"query", "key", "value"}, fused, {queries, keys, keys});
  // The first half of each head is turned, neighbour by neighbour.
  const RotaryForm form{.head_dim = width, .pairing = RotaryPairing::interleaved};
  const ValueId q_rotated = net.rotary(module, "query", qkv[0], table, form);
  const ValueId k_rotated = net.rotary(module, "key", qkv[1], table, form);
  return net.linear(module + ".dense", net.attention(module, q_rotated, k_rotated, qkv[2]));
}

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const std::int64_t width = net.model().intermediate_size;
  const ValueId fused = net.linear(module + ".dense_h_to_4h", x);
  const std::vector<ValueId> inner = net.split(module, {"gate", "up"}, fused, {width, width});
  return net.linear(module + ".dense_4h_to_h", net.swiglu(module, inner[0], inner[1]));
}

ValueId block(Network& net, const std::string& module, ValueId x, RotaryTable table) {
  const ValueId attended = attention(net, module + ".self_attention",
                                     net.rms_norm(module + ".input_layernorm", x), table);
  x = net.add(module, "residual", x, attended);
  const ValueId activated =
      mlp(net, module + ".mlp", net.rms_norm(module + ".post_attention_layernorm", x));
  return net.add(module, "output", x, activated);
}

}  // namespace

ValueId lower_chatglm(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  const RotaryTable table =
      net.rotary_table(model.head_dim / 2, rotary_frequencies(model, net.sequence()));
  ValueId x = net.embedding("transformer.embedding.word_embeddings", tokens);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    x = block(net, "transformer.encoder.layers." + std::to_string(i), x, table);
  return net.linear("transformer.output_layer",
                    net.rms_norm("transformer.encoder.final_layernorm", x));
}

}  // namespace shardproof::real
