#include "reference/models/families.hpp"

namespace shardproof::reference {

// x + down(relu(up(x))) for each layer, with biases, then the head; without an activation if the
// model has none.
Value residual_mlp(Graph& net, const ModelDescription& model) {
  Value x = net.embedding("model.embed_tokens", net.tokens());
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    Value inner = net.linear(layer + ".mlp.up_proj", x);
    if (model.flag("relu")) inner = net.relu(layer + ".mlp", inner);
    x = net.add(layer, "output", x, net.linear(layer + ".mlp.down_proj", inner));
  }
  return net.linear("lm_head", x);
}

}  // namespace shardproof::reference
