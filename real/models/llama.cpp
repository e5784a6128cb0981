#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

ValueId attention(Network& net, const std::string& module, ValueId x, RotaryTable table) {
  const ValueId q = net.linear(module + ".q_proj", x);
  const ValueId k = net.linear(module + ".k_proj", x);
  const ValueId v = net.linear(module + ".v_proj", x);
  const ValueId q_rotated = net.rotary(module, "query", q, table);
  const ValueId k_rotated = net.rotary(module, "key", k, table);
  return net.linear(module + ".o_proj", net.attention(module, q_rotated, k_rotated, v));
}

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const ValueId gate = net.linear(module + ".gate_proj", x);
  const ValueId up = net.linear(module + ".up_proj", x);
  return net.linear(module + ".down_proj", net.swiglu(module, gate, up));
}

ValueId block(Network& net, const std::string& module, ValueId x, RotaryTable table) {
  const ValueId attended =
      attention(net, module + ".self_attn", net.rms_norm(module + ".input_layernorm", x), table);
  x = net.add(module, "residual", x, attended);
  const ValueId activated =
      mlp(net, module + ".mlp", net.rms_norm(module + ".post_attention_layernorm", x));
  return net.add(module, "output", x, activated);
}

}  // namespace

ValueId lower_llama(Network& net, ValueId tokens) {
  const RotaryTable table = net.rotary_table();
  ValueId x = net.embedding("model.embed_tokens", tokens);
  for (std::int64_t i = 0; i < net.model().num_hidden_layers; ++i)
    x = block(net, "model.layers." + std::to_string(i), x, table);
  return net.linear("lm_head", net.rms_norm("model.norm", x), "model.embed_tokens");
}

}  // namespace shardproof::real
