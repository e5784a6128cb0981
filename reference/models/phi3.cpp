#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// Phi-3: Abdin et al. 2024, arXiv:2404.14219. Llama with fused projections, and a window.

Value phi3(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.fused_projections(attention, x));
      },
      [&](const std::string& layer, Value x) {
        return decoder.fused_gated_mlp(layer + ".mlp", x);
      });
}

}  // namespace shardproof::reference
