#include <cmath>

#include "reference/models/decoder.hpp"
#include "reference/models/families.hpp"
#include "reference/models/gemma.hpp"

namespace shardproof::reference {

// Gemma 2: Gemma Team 2024, arXiv:2408.00118. Scores and logits with a cap; every other layer looks
// back over a window.

namespace {

Value attention(Graph& net, const ModelDescription& model, Decoder& decoder,
                const std::string& module, Value x, bool slides) {
  const auto [q, k, v] = decoder.separate_projections(module, x);
  const Value query = net.rotary(module, "query_rotated", q, decoder.rotary_tables());
  const Value key = net.rotary(module, "key_rotated", k, decoder.rotary_tables());
  const AttentionForm form{.head_dim = model.head_dim,
                           .scale = 1 / std::sqrt(model.number("query_pre_attn_scalar")),
                           .window = slides ? model.count("sliding_window") : 0,
                           .cap = model.number("attn_logit_softcapping")};
  return net.linear(module + ".o_proj", net.attention(module, query, key, v, form));
}

}  // namespace

Value gemma2(Graph& net, const ModelDescription& model) {
  Decoder decoder(net, model);
  return Gemma(net, model).logits([&](std::int64_t index, const std::string& layer, Value x) {
    return attention(net, model, decoder, layer + ".self_attn", x, index % 2 == 0);
  });
}

}  // namespace shardproof::reference
