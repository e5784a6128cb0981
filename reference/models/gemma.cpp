#include "reference/models/gemma.hpp"

#include <cmath>

#include "scenarios/dtype.hpp"

namespace shardproof::reference {

Value Gemma::norm(const std::string& module, Value x) {
  return net_.rms_norm(module, x, model_.rms_norm_eps, model_.number("rms_norm_offset"));
}

Value Gemma::mlp(const std::string& module, Value x) {
  const Value gate = net_.linear(module + ".gate_proj", x);
  const Value up = net_.linear(module + ".up_proj", x);
  const Value activated = net_.gelu(module, gate, GeluForm::tanh);
  return net_.linear(module + ".down_proj", net_.product(module, "gated", activated, up));
}

Value Gemma::block(const Attention& attention, std::int64_t index, Value x) {
  const std::string layer = "model.layers." + std::to_string(index);
  const Value attended = attention(index, layer, norm(layer + ".input_layernorm", x));
  x = net_.add(layer, "residual", x, norm(layer + ".post_attention_layernorm", attended));
  const Value activated = mlp(layer + ".mlp", norm(layer + ".pre_feedforward_layernorm", x));
  return net_.add(layer, "output", x, norm(layer + ".post_feedforward_layernorm", activated));
}

Value Gemma::logits(const Attention& attention) {
  // A number of the working dtype, as the published code makes it.
  const double root =
      round_to(net_.micro_batch().working, std::sqrt(static_cast<double>(model_.hidden_size)));
  Value x = net_.embedding("model.embed_tokens", net_.tokens(), model_.padding_row());
  x = net_.scaled("model.embed_tokens", "scaled", x, root);
  for (std::int64_t i = 0; i < model_.num_hidden_layers; ++i) x = block(attention, i, x);
  const bool tied = model_.tie_word_embeddings;
  const Value logits = net_.linear("lm_head", norm("model.norm", x),
                                   tied ? "model.embed_tokens.weight" : "lm_head.weight");
  const double cap = model_.number("final_logit_softcapping");
  return cap > 0 ? net_.soft_cap("lm_head", "capped", logits, cap) : logits;
}

}  // namespace shardproof::reference
