#include "real/optimizer/sharded_optimizer.hpp"

#include "real/optimizer/gradient_norm.hpp"

namespace shardproof::real {

namespace {

constexpr const char* module = "optimizer";

std::vector<ValueId> parameters_of(Builder& builder) {
  std::vector<ValueId> parameters;
  for (const ParameterDescription& parameter : builder.model().parameters)
    parameters.push_back(builder.parameter(parameter.name));
  return parameters;
}

}  // namespace

ShardedOptimizer::ShardedOptimizer(Builder& builder, const FlatPartition& partition)
    : partition_(partition),
      master_(add_flat_value(builder, partition.owned, "optimizer/*/master",
                             builder.policy().master, owner_placement(builder, partition),
                             /*state=*/true)),
      rule_(builder, partition) {
  // The master is the cast of the working weights, not of the checkpoint (spec-autotp 7.7.4).
  const ValueId working =
      add_flat_value(builder, partition.owned, "optimizer/*/working", builder.policy().working,
                     owner_placement(builder, partition));
  builder.append(OpKind::flatten, module, "data", "flatten_parameters", parameters_of(builder),
                 {working});
  builder.append(OpKind::cast, module, "data", "cast_master", {working}, {master_});
  rule_.lower_initial(builder);
}

ValueId ShardedOptimizer::lower_gradient_check(Builder& builder,
                                               const std::vector<ValueId>& gradients) {
  gradient_ = add_flat_value(builder, partition_.owned, "optimizer/*/gradient",
                             builder.policy().working, owner_placement(builder, partition_),
                             /*state=*/true);  // read by the update, in another segment
  builder.append(OpKind::flatten, module, "reduce", "flatten_gradients", gradients, {gradient_});
  return lower_nonfinite(builder, partition_, gradient_);
}

void ShardedOptimizer::lower_update(Builder& builder) {
  const UpdateScalars scalars = load_update_scalars(builder);
  const ValueId gradient = lower_clipping(builder, partition_, gradient_);
  rule_.lower(builder, scalars, master_, gradient);

  const Dtype working_dtype = builder.policy().working;
  const AxisPlacement dp = owner_placement(builder, partition_);
  ValueId working =
      add_flat_value(builder, partition_.owned, "optimizer/*/working", working_dtype, dp);
  builder.append(OpKind::cast, module, "update", "cast_working", {master_}, {working}).recorded =
      false;  // the parameters, below, are these bits
  if (dp == flat()) {
    const ValueId gathered =
        add_flat_value(builder, partition_.owned, "update/*/gathered", working_dtype, replicate());
    builder.collective(OpKind::all_gather, Axis::dp, module, "update", "all_gather", working,
                       gathered);
    working = gathered;
  }
  builder.append(OpKind::unflatten, module, "update", "unflatten", {working},
                 parameters_of(builder));
}

}  // namespace shardproof::real
