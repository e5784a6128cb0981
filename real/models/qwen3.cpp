#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

ValueId lower_qwen3(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".self_attn";
        return decoder.attend(module, decoder.normed_projections(module, x));
      },
      [&](const std::string& layer, ValueId x) { return decoder.gated_mlp(layer + ".mlp", x); });
}

}  // namespace shardproof::real
