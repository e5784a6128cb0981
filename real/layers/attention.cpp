#include "real/layers/attention.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

// q's cut in features as a cut in heads, which are dimension 1 of the log-sum-exp.
AxisPlacement cut_of_heads(const std::string& module, AxisPlacement features,
                           std::int64_t head_dim) {
  if (features.kind != AxisPlacement::Kind::shard) return features;
  Widths heads = features.widths;
  for (std::vector<std::int64_t>& block : heads)
    for (std::int64_t& width : block) {
      if (width % head_dim != 0)
        throw ScenarioError(module + ": queries cut as " + to_string(features) +
                            ": a cut goes through a head of " + std::to_string(head_dim));
      width /= head_dim;
    }
  return shard(1, std::move(heads));
}

}  // namespace

ValueId Attention::forward(ValueId q, ValueId k, ValueId v) {
  q_ = q, k_ = k, v_ = v;
  const std::int64_t hd = builder().model().head_dim;
  out_ = like(q, "forward/" + module() + "/attention");
  const Value& query = value(q);  // (D * B, T, h * hd)
  lse_ = builder().add_value(
      {.name = "forward/" + module() + "/lse",
       .shape = {query.shape[0], query.shape[2] / hd, query.shape[1]},
       .dtype = builder().policy().compute,
       .placement = {cut_of_heads(module(), query.placement.tp, hd), shard(0)}});
  forward_op(OpKind::attention, {q_, k_, v_}, {out_, lse_}, head_dim());
  return out_;
}

std::vector<ValueId> Attention::backward(const std::vector<ValueId>& dy,
                                         const std::vector<std::string>& names) {
  const std::vector<ValueId> gradients{like(q_, names[0]), like(k_, names[1]), like(v_, names[2])};
  backward_op(OpKind::attention_backward, {dy[0], q_, k_, v_, out_, lse_}, gradients, head_dim());
  return gradients;
}

}  // namespace shardproof::real
