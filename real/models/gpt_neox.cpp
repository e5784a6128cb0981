#include "real/models/families.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::real {

namespace {

// Query, key and value lie side by side within each head, whose first features are turned.
ValueId attention(Network& net, const std::string& module, ValueId x, RotaryTable table) {
  const std::int64_t width = net.model().head_dim;
  const RotaryForm form{.head_dim = width};
  const ValueId fused = net.linear(module + ".query_key_value", x);
  const std::vector<ValueId> qkv =
      net.split(module, {"query", "key", "value"}, fused, {width, width, width});
  const ValueId q_rotated = net.rotary(module, "query", qkv[0], table, form);
  const ValueId k_rotated = net.rotary(module, "key", qkv[1], table, form);
  return net.linear(module + ".dense",
                    net.attention(module, q_rotated, k_rotated, qkv[2], {.head_dim = width}));
}

ValueId mlp(Network& net, const std::string& layer, ValueId x) {
  const std::string module = layer + ".mlp";
  const ValueId inner =
      net.linear(module + ".dense_h_to_4h", net.layer_norm(layer + ".post_attention_layernorm", x));
  return net.linear(module + ".dense_4h_to_h", net.gelu(module, inner, GeluForm::erf));
}

ValueId block(Network& net, const std::string& layer, ValueId x, RotaryTable table) {
  const ValueId attended =
      attention(net, layer + ".attention", net.layer_norm(layer + ".input_layernorm", x), table);
  if (net.model().flag("use_parallel_residual"))
    return net.add(layer, "output", net.add(layer, "residual", mlp(net, layer, x), attended), x);
  x = net.add(layer, "residual", attended, x);
  return net.add(layer, "output", mlp(net, layer, x), x);
}

}  // namespace

ValueId lower_gpt_neox(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  const RotaryTable table = net.rotary_table(turned_width(model), {.theta = model.rope_theta});
  ValueId x = net.embedding("gpt_neox.embed_in", tokens);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    x = block(net, "gpt_neox.layers." + std::to_string(i), x, table);
  return net.linear("embed_out", net.layer_norm("gpt_neox.final_layer_norm", x),
                    "gpt_neox.embed_in");
}

}  // namespace shardproof::real
