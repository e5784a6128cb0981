#include "real/optimizer/sharded_optimizer.hpp"

#include "real/optimizer/gradient_norm.hpp"

namespace shardproof::real {

ShardedOptimizer::ShardedOptimizer(Builder& builder, const FlatPartition& partition) {
  for (const FlatGroup& flat : partition.groups) {
    const ValueId master = add_owned_value(builder, flat, "optimizer/*/master",
                                           builder.policy().master, Lifetime::state);
    groups_.push_back({flat, master, UpdateRule(builder, flat)});
    lower_initial_master(builder, groups_.back());
    groups_.back().rule.lower_initial(builder);
  }
}

// The master is the cast of the working weights, not of the weights as stored (spec-autotp 7.7.4);
// of a run that goes on it is the master that was saved.
void ShardedOptimizer::lower_initial_master(Builder& builder, const Group& group) const {
  const std::string& module = group.flat.module;
  if (!builder.scenario().resume.empty()) {
    builder.append(OpKind::load_state, module, Phase::data, "load_master", {}, {group.master});
    return;
  }
  const ValueId working =
      add_owned_value(builder, group.flat, "optimizer/*/working", builder.policy().working);
  builder.append(OpKind::flatten, module, Phase::data, "flatten_parameters",
                 parameters_of(builder, group.flat.layout), {working});
  builder.append(OpKind::cast, module, Phase::data, "cast_master", {working}, {group.master});
}

void ShardedOptimizer::lower_update(Builder& builder, const std::vector<ValueId>& gradients) const {
  const UpdateScalars scalars = load_update_scalars(builder);
  const Clipping clipping(builder, gradients);
  for (std::size_t g = 0; g < groups_.size(); ++g)
    lower_group(builder, groups_[g], scalars,
                clipping.lower(builder, groups_[g].flat, gradients.at(g)));
}

void ShardedOptimizer::lower_group(Builder& builder, const Group& group,
                                   const UpdateScalars& scalars, ValueId gradient) const {
  const std::string& module = group.flat.module;
  group.rule.lower(builder, scalars, group.master, gradient);
  const Dtype working_dtype = builder.policy().working;
  ValueId working = add_owned_value(builder, group.flat, "optimizer/*/working", working_dtype);
  builder.append(OpKind::cast, module, Phase::update, "cast_working", {group.master}, {working})
      .recorded = false;  // the parameters, below, are these bits
  if (builder.value(working).placement.dp == flat()) {
    const ValueId gathered =
        add_flat_value(builder, group.flat.layout, "update/*/gathered", working_dtype, replicate());
    builder.collective(OpKind::all_gather, Axis::dp, module, Phase::update, "all_gather", working,
                       gathered);
    working = gathered;
  }
  builder.append(OpKind::unflatten, module, Phase::update, "unflatten", {working},
                 parameters_of(builder, group.flat.layout));
}

}  // namespace shardproof::real
