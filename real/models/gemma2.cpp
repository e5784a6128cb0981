#include <cmath>

#include "real/models/decoder.hpp"
#include "real/models/families.hpp"
#include "real/models/gemma.hpp"

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

}  // namespace

ValueId lower_gemma2(Network& net, ValueId tokens) {
  Decoder decoder(net);
  return gemma_logits(net, tokens, [&](std::int64_t index, const std::string& layer, ValueId x) {
    return attention(net, decoder, layer + ".self_attn", x, index % 2 == 0);
  });
}

}  // namespace shardproof::real
