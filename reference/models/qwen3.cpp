#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"

namespace shardproof::reference {

// Qwen3: Yang et al. 2025, arXiv:2505.09388. Llama that norms each head of the queries and of the
// keys before it turns them.

Value qwen3(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return decoder.logits(
      [&](const std::string& layer, Value x) {
        const std::string attention = layer + ".self_attn";
        return decoder.attend(attention, decoder.normed_projections(attention, x));
      },
      [&](const std::string& layer, Value x) { return decoder.gated_mlp(layer + ".mlp", x); });
}

}  // namespace shardproof::reference
