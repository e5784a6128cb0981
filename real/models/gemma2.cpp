#include <cmath>

#include "real/models/decoder.hpp"
#include "real/models/families.hpp"
#include "scenarios/dtype.hpp"

namespace shardproof::real {

namespace {

ValueId attention(Network& net, Decoder& decoder, const std::string& module, ValueId x,
                  bool slides) {
  const ModelDescription& model = net.model();
  const AttentionForm form{.head_dim = model.head_dim,
                           .scale = 1 / std::sqrt(model.number("query_pre_attn_scalar")),
                           .window = slides ? model.count("sliding_window") : 0,
                           .cap = model.number("attn_logit_softcapping")};
  const auto [q, k, v] = decoder.separate_projections(module, x);
  const ValueId q_rotated = net.rotary(module, "query", q, decoder.rotary_table());
  const ValueId k_rotated = net.rotary(module, "key", k, decoder.rotary_table());
  return net.linear(module + ".o_proj", net.attention(module, q_rotated, k_rotated, v, form));
}

ValueId mlp(Network& net, const std::string& module, ValueId x) {
  const ValueId gate = net.linear(module + ".gate_proj", x);
  const ValueId up = net.linear(module + ".up_proj", x);
  const ValueId activated = net.gelu(module, gate, GeluForm::tanh);
  return net.linear(module + ".down_proj", net.product(module, "gated", activated, up));
}

// Both halves are normed before and after.
ValueId block(Network& net, Decoder& decoder, std::int64_t index, ValueId x) {
  const std::string layer = "model.layers." + std::to_string(index);
  const ValueId attended = attention(net, decoder, layer + ".self_attn",
                                     net.rms_norm(layer + ".input_layernorm", x), index % 2 == 0);
  x = net.add(layer, "residual", x, net.rms_norm(layer + ".post_attention_layernorm", attended));
  const ValueId activated =
      mlp(net, layer + ".mlp", net.rms_norm(layer + ".pre_feedforward_layernorm", x));
  return net.add(layer, "output", x,
                 net.rms_norm(layer + ".post_feedforward_layernorm", activated));
}

}  // namespace

ValueId lower_gemma2(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  Decoder decoder(net);
  // A number of the working dtype, as the published code makes it.
  const double root = round_to(net.working(), std::sqrt(static_cast<double>(model.hidden_size)));
  ValueId x = net.embedding("model.embed_tokens", tokens, model.padding_row());
  x = net.scaled("model.embed_tokens", "scaled", x, root);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) x = block(net, decoder, i, x);
  const ValueId logits = net.linear("lm_head", net.rms_norm("model.norm", x), "model.embed_tokens");
  const double cap = model.number("final_logit_softcapping");
  return cap > 0 ? net.soft_cap("lm_head", "capped", logits, cap) : logits;
}

}  // namespace shardproof::real
