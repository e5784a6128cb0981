#include <cmath>

#include "reference/models/families.hpp"
#include "reference/models/gemma.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof::reference {

// Gemma 3: Gemma Team 2025, arXiv:2503.19786, section 2. Gemma 2 whose queries and keys are normed,
// head by head, instead of capped. Most layers look back over a window, and have a base frequency
// of their own; of the others positions may be scaled.

namespace {

class Attention {
 public:
  Attention(Graph& net, const ModelDescription& model)
      : net_(net),
        model_(model),
        gemma_(net, model),
        global_(net.rotary_tables(model.head_dim,
                                  rotary_frequencies(model, net.micro_batch().positions))),
        local_(net.rotary_tables(model.head_dim, {.theta = model.number("rope_local_base_freq")},
                                 "_local")) {}

  Value attend(const std::string& module, Value x, bool slides) {
    const Value q = gemma_.norm(module + ".q_norm", net_.linear(module + ".q_proj", x));
    const Value k = gemma_.norm(module + ".k_norm", net_.linear(module + ".k_proj", x));
    const Value v = net_.linear(module + ".v_proj", x);
    const Rotary& tables = slides ? local_ : global_;
    const Value query = net_.rotary(module, "query_rotated", q, tables);
    const Value key = net_.rotary(module, "key_rotated", k, tables);
    const AttentionForm form{.head_dim = model_.head_dim,
                             .scale = 1 / std::sqrt(model_.number("query_pre_attn_scalar")),
                             .window = slides ? model_.count("sliding_window") : 0};
    return net_.linear(module + ".o_proj", net_.attention(module, query, key, v, form));
  }

 private:
  Graph& net_;
  const ModelDescription& model_;
  Gemma gemma_;
  Rotary global_, local_;
};

}  // namespace

Value gemma3(Graph& net, const ModelDescription& model) {
  Attention attention(net, model);
  return Gemma(net, model).logits([&](std::int64_t index, const std::string& layer, Value x) {
    return attention.attend(layer + ".self_attn", x, model.flag("slides." + std::to_string(index)));
  });
}

}  // namespace shardproof::reference
