#include "real/optimizer/whole_gradients.hpp"

#include "real/optimizer/bucket_reduction.hpp"

namespace shardproof::real {

WholeGradients::WholeGradients(Builder& builder, int owners) : ZeroStage(builder, owners) {
  for (const ParameterDescription& parameter : builder.model().parameters) {
    Value sum = builder.value(builder.parameter(parameter.name));
    sum.name = "accumulator/" + parameter.name;
    sum.dtype = builder.policy().accumulate;
    sum.placement.dp = partial();
    accumulators_[parameter.name] = builder.add_value(std::move(sum));
  }
}

void WholeGradients::lower_begin_step() {
  for (const ParameterDescription& parameter : builder_.model().parameters) {
    const auto [module, leaf] = split_parameter_name(parameter.name);
    builder_.append(OpKind::zero, module, Phase::data, "zero_" + leaf, {},
                    {accumulators_.at(parameter.name)});
  }
}

void WholeGradients::lower_gradient(const std::string& parameter, ValueId gradient) {
  const auto [module, leaf] = split_parameter_name(parameter);
  const ValueId sum = accumulators_.at(parameter);
  builder_.append(OpKind::accumulate, module, Phase::backward, "accumulate_" + leaf,
                  {sum, gradient}, {sum});
}

void WholeGradients::lower_mean() {
  const auto entries = [&](std::size_t bucket) {
    return layout_of(builder_, partition_.buckets[bucket]).entries;
  };
  BucketReduction reduction(builder_, partition_, [&](std::size_t bucket, ValueId averaged) {
    std::vector<ValueId> gradients;
    for (const FlatLayout::Entry& entry : entries(bucket)) {
      Value gradient = builder_.value(accumulators_.at(entry.parameter));
      gradient.name = "gradient/" + entry.parameter;
      gradient.placement.dp = replicate();
      gradient.lifetime = Lifetime::segment;
      gradients.push_back(builder_.add_value(std::move(gradient)));
      averaged_[entry.parameter] = gradients.back();
    }
    builder_.append(OpKind::unflatten, BucketReduction::module_of(bucket), Phase::reduce,
                    "unflatten", {averaged}, gradients);
  });
  for (std::size_t bucket = 0; bucket < partition_.buckets.size(); ++bucket) {
    std::vector<ValueId> sums;
    for (const FlatLayout::Entry& entry : entries(bucket))
      sums.push_back(accumulators_.at(entry.parameter));
    reduction.start(bucket, sums);
  }
  reduction.finish();
}

std::vector<ValueId> WholeGradients::lower_boundary() {
  lower_mean();
  std::vector<ValueId> owned;
  for (const FlatGroup& group : partition_.groups) {
    std::vector<ValueId> gradients;
    for (const FlatLayout::Entry& entry : layout_of(builder_, group.layout).entries)
      gradients.push_back(averaged_.at(entry.parameter));
    owned.push_back(add_owned_value(builder_, group, "optimizer/*/gradient",
                                    builder_.policy().accumulate, Lifetime::state));
    builder_.append(OpKind::flatten, group.module, Phase::reduce, "flatten_gradients", gradients,
                    {owned.back()});
  }
  return owned;
}

}  // namespace shardproof::real
