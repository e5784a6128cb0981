#include "real/models/gemma.hpp"

#include <cmath>

#include "scenarios/dtype.hpp"

namespace shardproof::real {

namespace {

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const ValueId gate = net.linear(module + ".gate_proj", x);
  const ValueId up = net.linear(module + ".up_proj", x);
  const ValueId activated = net.gelu(module, gate, GeluForm::tanh);
  return net.linear(module + ".down_proj", net.product(module, "gated", activated, up));
}

// Both halves are normed before and after.
ValueId block(Network& net, const GemmaAttention& attention, std::int64_t index, ValueId x) {
  const std::string layer = "model.layers." + std::to_string(index);
  const ValueId attended = attention(index, layer, net.rms_norm(layer + ".input_layernorm", x));
  x = net.add(layer, "residual", x, net.rms_norm(layer + ".post_attention_layernorm", attended));
  const ValueId activated =
      mlp(net, layer + ".mlp", net.rms_norm(layer + ".pre_feedforward_layernorm", x));
  return net.add(layer, "output", x,
                 net.rms_norm(layer + ".post_feedforward_layernorm", activated));
}

}  // namespace

ValueId gemma_logits(Network& net, ValueId tokens, const GemmaAttention& attention) {
  const ModelDescription& model = net.model();
  // A number of the working dtype, as the published code makes it.
  const double root = round_to(net.working(), std::sqrt(static_cast<double>(model.hidden_size)));
  ValueId x = net.embedding("model.embed_tokens", tokens, model.padding_row());
  x = net.scaled("model.embed_tokens", "scaled", x, root);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) x = block(net, attention, i, x);
  const ValueId logits = net.linear("lm_head", net.rms_norm("model.norm", x), "model.embed_tokens");
  const double cap = model.number("final_logit_softcapping");
  return cap > 0 ? net.soft_cap("lm_head", "capped", logits, cap) : logits;
}

}  // namespace shardproof::real
