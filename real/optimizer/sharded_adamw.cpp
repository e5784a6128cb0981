#include "real/optimizer/sharded_adamw.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

std::vector<ValueId> parameters_of(Builder& builder) {
  std::vector<ValueId> parameters;
  for (const ParameterDescription& parameter : builder.model().parameters)
    parameters.push_back(builder.parameter(parameter.name));
  return parameters;
}

// Combines a scalar that every rank computed from its own part, over the axes that divide the
// parts. Each hop is recorded: name_partial, name_over_dp, and finally name.
ValueId combine(Builder& builder, OpKind kind, const std::string& phase, const std::string& name,
                ValueId part, bool over_dp) {
  std::vector<Axis> axes;
  if (over_dp && builder.dp() > 1) axes.push_back(Axis::dp);
  if (builder.tp() > 1) axes.push_back(Axis::tp);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    Value combined = builder.value(part);
    combined.name = "scalar/" + name + (i + 1 == axes.size() ? "" : "_over_dp");
    combined.placement.on(axes[i]) = replicate();
    const ValueId id = builder.add_value(std::move(combined));
    builder.collective(kind, axes[i], module, phase, name + "_all_reduce_" + name_of(axes[i]), part,
                       id);
    part = id;
  }
  return part;
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

}  // namespace

ShardedAdamw::ShardedAdamw(Builder& builder, const FlatPartition& partition)
    : partition_(partition) {
  const PrecisionPolicy& policy = builder.policy();
  const AxisPlacement dp = owner_placement(builder, partition);
  const auto state = [&](const std::string& name) {
    return add_flat_value(builder, partition.owned, "optimizer/*/" + name, policy.master, dp, true);
  };
  master_ = state("master");
  exp_avg_ = state("exp_avg");
  exp_avg_sq_ = state("exp_avg_sq");

  // The master is the cast of the working weights, not of the checkpoint (spec-autotp 7.7.4).
  const ValueId working =
      add_flat_value(builder, partition.owned, "optimizer/*/working", policy.working, dp);
  builder.append(OpKind::flatten, module, "data", "flatten_parameters", parameters_of(builder),
                 {working});
  builder.append(OpKind::cast, module, "data", "cast_master", {working}, {master_});
  for (const auto& [name, value] : {std::pair{"exp_avg", exp_avg_}, {"exp_avg_sq", exp_avg_sq_}})
    builder.append(OpKind::zero, module, "data", std::string("zero_") + name, {}, {value});
}

ValueId ShardedAdamw::lower_gradient_check(Builder& builder,
                                           const std::vector<ValueId>& gradients) {
  const bool several_owners = owner_placement(builder, partition_) == flat();
  gradient_ = add_flat_value(builder, partition_.owned, "optimizer/*/gradient",
                             builder.policy().working, owner_placement(builder, partition_),
                             /*state=*/true);  // read by the update, in another segment
  builder.append(OpKind::flatten, module, "reduce", "flatten_gradients", gradients, {gradient_});
  const ValueId part = partial_scalar(builder, "nonfinite", Dtype::fp32, several_owners);
  builder.append(OpKind::nonfinite, module, "reduce", "nonfinite", {gradient_}, {part});
  return combine(builder, OpKind::all_reduce_max, "reduce", "nonfinite", part, several_owners);
}

ValueId ShardedAdamw::lower_norm(Builder& builder) {
  const bool several_owners = owner_placement(builder, partition_) == flat();
  const ValueId part = partial_scalar(builder, "grad_norm_squared", Dtype::fp64, several_owners);
  builder.append(OpKind::sum_of_squares, module, "update", "sum_of_squares", {gradient_}, {part});
  const ValueId squared =
      combine(builder, OpKind::all_reduce, "update", "grad_norm_squared", part, several_owners);
  const ValueId norm = builder.scalar("scalar/grad_norm", builder.policy().master);
  builder.append(OpKind::square_root, module, "update", "grad_norm", {squared}, {norm});
  return norm;
}

ValueId ShardedAdamw::lower_clipping(Builder& builder) {
  const PrecisionPolicy& policy = builder.policy();
  const AxisPlacement dp = owner_placement(builder, partition_);
  const auto flat_master = [&](const std::string& name) {
    return add_flat_value(builder, partition_.owned, "optimizer/*/" + name, policy.master, dp);
  };
  const ValueId norm = lower_norm(builder);
  const double clip = builder.scenario().training.gradient_clipping;
  const ValueId gradient = flat_master("gradient_master");
  builder.append(OpKind::cast, module, "update", "cast_gradient", {gradient_}, {gradient})
      .recorded = clip == 0;  // widening is exact: stored only where nothing else shows it
  if (clip == 0) return gradient;

  const ValueId factor = builder.scalar("scalar/clip_factor", policy.master);
  builder.append(OpKind::clip_factor, module, "update", "clip_factor", {norm}, {factor},
                 {{"clip", clip}});
  const ValueId clipped = flat_master("clipped");
  builder.append(OpKind::multiply, module, "update", "clip", {gradient, factor}, {clipped});
  return clipped;
}

void ShardedAdamw::lower_update(Builder& builder) {
  const PrecisionPolicy& policy = builder.policy();
  const OptimizerConfig& config = builder.scenario().training.optimizer;
  const auto scalar = [&](const std::string& name) {
    const ValueId id = builder.scalar("scalar/" + name, policy.master);
    builder.append(OpKind::load_scalar, module, "update", "load_" + name, {}, {id},
                   {{"scalar", name}});
    return id;
  };
  const ValueId lr = scalar("learning_rate");
  const ValueId c1 = scalar("bias_correction1");
  const ValueId c2 = scalar("bias_correction2");

  const ValueId gradient = lower_clipping(builder);
  builder.append(OpKind::exp_avg, module, "update", "exp_avg", {exp_avg_, gradient}, {exp_avg_},
                 {{"beta1", config.beta1}});
  builder.append(OpKind::exp_avg_sq, module, "update", "exp_avg_sq", {exp_avg_sq_, gradient},
                 {exp_avg_sq_}, {{"beta2", config.beta2}});
  builder.append(OpKind::adamw, module, "update", "adamw",
                 {master_, exp_avg_, exp_avg_sq_, lr, c1, c2}, {master_},
                 {{"eps", config.epsilon}, {"weight_decay", config.weight_decay}});

  const AxisPlacement dp = owner_placement(builder, partition_);
  ValueId working =
      add_flat_value(builder, partition_.owned, "optimizer/*/working", policy.working, dp);
  builder.append(OpKind::cast, module, "update", "cast_working", {master_}, {working}).recorded =
      false;  // the parameters, below, are these bits
  if (dp == flat()) {
    const ValueId gathered =
        add_flat_value(builder, partition_.owned, "update/*/gathered", policy.working, replicate());
    builder.collective(OpKind::all_gather, Axis::dp, module, "update", "all_gather", working,
                       gathered);
    working = gathered;
  }
  builder.append(OpKind::unflatten, module, "update", "unflatten", {working},
                 parameters_of(builder));
}

}  // namespace shardproof::real
