#include "real/layers/attention.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

// The cut of a value's features as a cut in heads, which are dimension `dim` of something else.
AxisPlacement cut_of_heads(const Value& features, std::int64_t head_dim, int dim) {
  const AxisPlacement& tp = features.placement.tp;
  if (tp.kind != AxisPlacement::Kind::shard) return tp;
  Widths heads = tp.widths;
  for (std::vector<std::int64_t>& block : heads)
    for (std::int64_t& width : block) {
      if (width % head_dim != 0)
        throw ScenarioError(features.name + ", cut as " + to_string(tp) +
                            ": a cut goes through a head of " + std::to_string(head_dim));
      width /= head_dim;
    }
  return shard(dim, std::move(heads));
}

// The cut of features where each head has `width` of them.
AxisPlacement cut_of_features(AxisPlacement heads, std::int64_t width) {
  for (std::vector<std::int64_t>& block : heads.widths)
    for (std::int64_t& mine : block) mine *= width;
  return heads;
}

}  // namespace

ValueId lower_alibi_slopes(Builder& builder, const std::string& name, ValueId q,
                           std::int64_t head_dim) {
  const Value& query = builder.value(q);
  const ValueId slopes =
      builder.add_value({.name = name,
                         .shape = {query.shape.back() / head_dim},
                         .dtype = builder.policy().compute,
                         .placement = {cut_of_heads(query, head_dim, 0), replicate()},
                         .lifetime = Lifetime::state});
  builder.append(OpKind::alibi_slopes, "model.alibi", Phase::data, "alibi_slopes", {}, {slopes});
  return slopes;
}

Attributes Attention::form() const {
  Attributes attributes{{"head_dim", form_.head_dim}};
  if (form_.v_head_dim != 0) attributes.emplace("v_head_dim", form_.v_head_dim);
  if (form_.scale != 0) attributes.emplace("scale", form_.scale);
  if (form_.window != 0) attributes.emplace("window", form_.window);
  if (form_.cap != 0) attributes.emplace("cap", form_.cap);
  return attributes;
}

std::vector<ValueId> Attention::with_slopes(std::vector<ValueId> inputs) const {
  if (slopes_ >= 0) inputs.push_back(slopes_);
  return inputs;
}

ValueId Attention::forward(ValueId q, ValueId k, ValueId v) {
  q_ = q, k_ = k, v_ = v;
  const Value query = value(q);  // (D * B, T, h * hd)
  const std::int64_t heads = query.shape[2] / form_.head_dim;
  out_ = output("attention", heads * form_.value_dim(),
                cut_of_features(cut_of_heads(query, form_.head_dim, 2), form_.value_dim()));
  lse_ = builder().add_value({.name = "forward/" + module() + "/lse",
                              .shape = {query.shape[0], heads, query.shape[1]},
                              .dtype = builder().policy().compute,
                              .placement = {cut_of_heads(query, form_.head_dim, 1), shard(0)}});
  forward_op(OpKind::attention, with_slopes({q_, k_, v_}), {out_, lse_}, form());
  return out_;
}

std::vector<ValueId> Attention::backward(const std::vector<ValueId>& dy,
                                         const std::vector<std::string>& names) {
  const std::vector<ValueId> gradients{like(q_, names[0]), like(k_, names[1]), like(v_, names[2])};
  backward_op(OpKind::attention_backward, with_slopes({dy[0], q_, k_, v_, out_, lse_}), gradients,
              form());
  return gradients;
}

}  // namespace shardproof::real
