#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

namespace {

// What each half takes is not normed, what it gives is.
ValueId block(Network& net, Decoder& decoder, const std::string& layer, ValueId x) {
  const std::string module = layer + ".self_attn";
  const ValueId attended = decoder.attend(module, decoder.normed_projections(module, x));
  x = net.add(layer, "residual", x, net.rms_norm(layer + ".post_attention_layernorm", attended));
  const ValueId activated = decoder.gated_mlp(layer + ".mlp", x);
  return net.add(layer, "output", x,
                 net.rms_norm(layer + ".post_feedforward_layernorm", activated));
}

}  // namespace

ValueId lower_olmo2(Network& net, ValueId tokens) {
  Decoder decoder(net);
  ValueId x = net.embedding("model.embed_tokens", tokens, net.model().padding_row());
  for (std::int64_t i = 0; i < net.model().num_hidden_layers; ++i)
    x = block(net, decoder, "model.layers." + std::to_string(i), x);
  return net.linear("lm_head", net.rms_norm("model.norm", x), "model.embed_tokens");
}

}  // namespace shardproof::real
