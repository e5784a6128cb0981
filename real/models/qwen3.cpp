#include "real/models/decoder.hpp"
#include "real/models/families.hpp"

namespace shardproof::real {

ValueId lower_qwen3(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return decoder.logits(
      tokens,
      [&](const std::string& layer, ValueId x) {
        const std::string module = layer + ".self_attn";
        auto [q, k, v] = decoder.separate_projections(module, x);
        q = net.rms_norm(module + ".q_norm", q);  // of each head
        k = net.rms_norm(module + ".k_norm", k);
        return decoder.attend(module, {q, k, v});
      },
      [&](const std::string& layer, ValueId x) { return decoder.gated_mlp(layer + ".mlp", x); });
}

}  // namespace shardproof::real
