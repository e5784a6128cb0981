#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

ValueId attention(Network& net, const std::string& module, ValueId x) {
  const ValueId q = net.linear(module + ".q_proj", x);
  const ValueId k = net.linear(module + ".k_proj", x);
  const ValueId v = net.linear(module + ".v_proj", x);
  return net.linear(module + ".out_proj", net.attention(module, q, k, v));
}

ValueId mlp(Network& net, const std::string& layer, ValueId x) {
  return net.linear(layer + ".fc2", net.relu(layer, net.linear(layer + ".fc1", x)));
}

ValueId block(Network& net, const std::string& layer, ValueId x) {
  const ValueId attended =
      attention(net, layer + ".self_attn", net.layer_norm(layer + ".self_attn_layer_norm", x));
  x = net.add(layer, "residual", x, attended);
  const ValueId activated = mlp(net, layer, net.layer_norm(layer + ".final_layer_norm", x));
  return net.add(layer, "output", x, activated);
}

}  // namespace

ValueId lower_opt(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  const std::string decoder = "model.decoder";
  const ValueId words = net.embedding(decoder + ".embed_tokens", tokens, model.padding_row());
  const ValueId places =
      net.embedding(decoder + ".embed_positions", net.positions(model.count("first_position")));
  ValueId x = net.add(decoder, "embeddings", words, places);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    x = block(net, decoder + ".layers." + std::to_string(i), x);
  return net.linear("lm_head", net.layer_norm(decoder + ".final_layer_norm", x),
                    decoder + ".embed_tokens");
}

}  // namespace shardproof::real
