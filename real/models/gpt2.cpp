#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

ValueId attention(Network& net, const std::string& module, ValueId x) {
  const std::int64_t width = net.model().hidden_size;
  const std::vector<ValueId> qkv = net.split(
      module, {"query", "key", "value"}, net.linear(module + ".c_attn", x), {width, width, width});
  return net.linear(module + ".c_proj", net.attention(module, qkv[0], qkv[1], qkv[2]));
}

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const ValueId inner = net.linear(module + ".c_fc", x);
  return net.linear(module + ".c_proj", net.gelu(module, inner, GeluForm::tanh));
}

ValueId block(Network& net, const std::string& module, ValueId x) {
  const ValueId attended = attention(net, module + ".attn", net.layer_norm(module + ".ln_1", x));
  x = net.add(module, "residual", x, attended);
  const ValueId activated = mlp(net, module + ".mlp", net.layer_norm(module + ".ln_2", x));
  return net.add(module, "output", x, activated);
}

}  // namespace

ValueId lower_gpt2(Network& net, ValueId tokens) {
  const ValueId words = net.embedding("transformer.wte", tokens);
  const ValueId places = net.embedding("transformer.wpe", net.positions());
  ValueId x = net.add("transformer", "embeddings", words, places);
  for (std::int64_t i = 0; i < net.model().num_hidden_layers; ++i)
    x = block(net, "transformer.h." + std::to_string(i), x);
  return net.linear("lm_head", net.layer_norm("transformer.ln_f", x), "transformer.wte");
}

}  // namespace shardproof::real
