#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// Llama: Touvron et al. 2023, arXiv:2302.13971. With a window over which queries look back,
// Mistral: Jiang et al. 2023, arXiv:2310.06825. With a bias in q_proj, k_proj and v_proj, Qwen2:
// Yang et al. 2024, arXiv:2407.10671.

Value llama(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.separate_projections(attention, x));
      },
      [&](const std::string& layer, Value x) { return decoder.gated_mlp(layer + ".mlp", x); });
}

}  // namespace shardproof::reference
