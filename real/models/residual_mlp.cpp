#include "real/models/families.hpp"

namespace shardproof::real {

ValueId lower_residual_mlp(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  ValueId x = net.embedding("model.embed_tokens", tokens);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i), mlp = layer + ".mlp";
    const ValueId inner = net.linear(mlp + ".up_proj", x);
    const ValueId activated = model.flag("relu") ? net.relu(mlp, inner) : inner;
    x = net.add(layer, "output", x, net.linear(mlp + ".down_proj", activated));
  }
  return net.linear("lm_head", x);
}

}  // namespace shardproof::real
