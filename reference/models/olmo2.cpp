#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// OLMo 2: OLMo Team 2024, arXiv:2501.00656, section 3. Queries and keys are normed over their whole
// width before there are heads; each half of a block takes x as it is, and what it gives is normed
// before it is added.

Value olmo2(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  Value x = net.embedding("model.embed_tokens", net.tokens(), model.padding_row());
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    const std::string attention = layer + ".self_attn", mlp = layer + ".mlp";
    const auto [q, k, v] = decoder.separate_projections(attention, x);
    const Value query = decoder.norm(attention + ".q_norm", q);
    const Value key = decoder.norm(attention + ".k_norm", k);
    const Value attended = decoder.attend(attention, {query, key, v});
    x = net.add(layer, "residual", x, decoder.norm(layer + ".post_attention_layernorm", attended));
    x = net.add(layer, "output", x,
                decoder.norm(layer + ".post_feedforward_layernorm", decoder.gated_mlp(mlp, x)));
  }
  const bool tied = model.tie_word_embeddings;
  return net.linear("lm_head", decoder.norm("model.norm", x),
                    tied ? "model.embed_tokens.weight" : "lm_head.weight");
}

}  // namespace shardproof::reference
