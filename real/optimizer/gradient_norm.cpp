#include "real/optimizer/gradient_norm.hpp"

#include "real/builder/combine_over_ranks.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

// Combines a scalar that every rank computed from its own part, over the axes that divide the
// parts. Each hop is recorded: name_partial, name_over_dp, and finally name.
ValueId combine(Builder& builder, OpKind kind, Phase phase, const std::string& name, ValueId part,
                bool over_dp) {
  const std::vector<Axis> axes = over_dp ? std::vector{Axis::dp, Axis::tp} : std::vector{Axis::tp};
  return lower_combination(
      builder, {kind, module, phase, name + "_all_reduce", "scalar/" + name, axes}, part);
}

// A scalar of one rank's part; if nothing divides the parts it is already the whole.
ValueId partial_scalar(Builder& builder, const std::string& name, Dtype dtype, bool over_dp) {
  const bool divided_over_dp = over_dp && builder.dp() > 1;
  const bool divided = divided_over_dp || builder.tp() > 1;
  return builder.add_value({.name = "scalar/" + name + (divided ? "_partial" : ""),
                            .shape = {1},
                            .dtype = dtype,
                            .placement = {builder.tp() > 1 ? partial() : replicate(),
                                          divided_over_dp ? partial() : replicate()}});
}

// An op that takes the loss scale out of what it computes.
std::vector<ValueId> with_loss_scale(Builder& builder, std::vector<ValueId> inputs) {
  for (const ValueId scale : builder.loss_scale()) inputs.push_back(scale);
  return inputs;
}

bool several_owners(Builder& builder, const std::vector<ValueId>& gradients) {
  return builder.value(gradients.at(0)).placement.dp == flat();
}

ValueId lower_norm(Builder& builder, const std::vector<ValueId>& gradients) {
  const bool over_dp = several_owners(builder, gradients);
  const ValueId part = partial_scalar(builder, "grad_norm_squared", Dtype::fp64, over_dp);
  builder.append(OpKind::sum_of_squares, module, Phase::update, "sum_of_squares", gradients,
                 {part});
  const ValueId squared =
      combine(builder, OpKind::all_reduce, Phase::update, "grad_norm_squared", part, over_dp);
  const ValueId norm = builder.scalar("scalar/grad_norm", builder.policy().master);
  builder.append(OpKind::square_root, module, Phase::update, "grad_norm",
                 with_loss_scale(builder, {squared}), {norm});
  return norm;
}

}  // namespace

ValueId lower_nonfinite(Builder& builder, const std::vector<ValueId>& gradients) {
  const bool over_dp = several_owners(builder, gradients);
  const ValueId part = partial_scalar(builder, "nonfinite", Dtype::fp32, over_dp);
  builder.append(OpKind::nonfinite, module, Phase::reduce, "nonfinite", gradients, {part});
  return combine(builder, OpKind::all_reduce_max, Phase::reduce, "nonfinite", part, over_dp);
}

Clipping::Clipping(Builder& builder, const std::vector<ValueId>& gradients) {
  const ValueId norm = lower_norm(builder, gradients);
  const double clip = builder.scenario().training.gradient_clipping;
  if (clip == 0 && builder.loss_scale().empty()) return;
  factor_ = builder.scalar("scalar/clip_factor", builder.policy().master);
  builder.append(OpKind::clip_factor, module, Phase::update, "clip_factor",
                 with_loss_scale(builder, {norm}), {factor_}, {{"clip", clip}});
}

ValueId Clipping::lower(Builder& builder, const FlatGroup& group, ValueId gradient) const {
  const Dtype master = builder.policy().master;
  const bool clips = factor_ >= 0;
  const ValueId widened = add_owned_value(builder, group, "optimizer/*/gradient_master", master);
  builder.append(OpKind::cast, group.module, Phase::update, "cast_gradient", {gradient}, {widened})
      .recorded = !clips;  // widening is exact: stored only where nothing else shows it
  if (!clips) return widened;
  const ValueId clipped = add_owned_value(builder, group, "optimizer/*/clipped", master);
  builder.append(OpKind::multiply, group.module, Phase::update, "clip", {widened, factor_},
                 {clipped});
  return clipped;
}

}  // namespace shardproof::real
