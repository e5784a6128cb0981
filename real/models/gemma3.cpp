#include <cmath>

#include "real/models/decoder.hpp"
#include "real/models/families.hpp"
#include "real/models/gemma.hpp"

namespace shardproof::real {

namespace {

// How far a layer looks back, and by which table it turns positions.
struct LayerType {
  std::int64_t window;
  RotaryTable table;
};

ValueId attention(Network& net, Decoder& decoder, const std::string& module, ValueId x,
                  const LayerType& type) {
  const ModelDescription& model = net.model();
  const AttentionForm form{.head_dim = model.head_dim,
                           .scale = 1 / std::sqrt(model.number("query_pre_attn_scalar")),
                           .window = type.window};
  const auto [q, k, v] = decoder.normed_projections(module, x);
  const ValueId q_rotated = net.rotary(module, "query", q, type.table);
  const ValueId k_rotated = net.rotary(module, "key", k, type.table);
  return net.linear(module + ".o_proj", net.attention(module, q_rotated, k_rotated, v, form));
}

}  // namespace

ValueId lower_gemma3(Network& net, ValueId tokens) {
  const ModelDescription& model = net.model();
  Decoder decoder(net);
  // Layers that look back over a window have a base of their own, which is not scaled.
  const RotaryTable near =
      net.rotary_table(model.head_dim, {.theta = model.number("rope_local_base_freq")}, "_local");
  const LayerType full{0, decoder.rotary_table()}, sliding{model.count("sliding_window"), near};
  return gemma_logits(net, tokens, [&](std::int64_t index, const std::string& layer, ValueId x) {
    const bool slides = model.flag("slides." + std::to_string(index));
    return attention(net, decoder, layer + ".self_attn", x, slides ? sliding : full);
  });
}

}  // namespace shardproof::real
