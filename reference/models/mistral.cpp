#include "reference/families.hpp"
#include "reference/models/decoder.hpp"

namespace shardproof::reference {

// Mistral: Jiang et al. 2023, arXiv:2310.06825. Llama whose queries look back over a window.

Value mistral(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.separate_projections(attention, x),
                              model.count("sliding_window"));
      },
      [&](const std::string& layer, Value x) { return decoder.gated_mlp(layer + ".mlp", x); });
}

}  // namespace shardproof::reference
