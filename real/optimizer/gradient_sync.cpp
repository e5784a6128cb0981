#include "real/optimizer/gradient_sync.hpp"

#include <map>

namespace shardproof::real {

namespace {

// The averaged bucket: the sum over dp, divided by D before or after it.
ValueId average_over_dp(Builder& builder, int layout, const std::string& module, ValueId packed) {
  if (builder.dp() == 1) return packed;
  const Dtype working = builder.policy().working;
  const auto flat_value = [&](const std::string& name, AxisPlacement dp) {
    return add_flat_value(builder, layout, name, working, dp);
  };
  if (builder.policy().divide_before) {
    const ValueId divided = flat_value("reduce/*/divided", partial());
    builder
        .append(OpKind::divide, module, "reduce", "divide", {packed}, {divided},
                {{"divisor", static_cast<double>(builder.dp())}})
        .recorded = false;  // one rounding of what the accumulators hold
    const ValueId reduced = flat_value("reduce/*/reduced", replicate());
    builder.collective(OpKind::all_reduce, Axis::dp, module, "reduce", "all_reduce", divided,
                       reduced);
    builder.last_op().recorded = false;  // gradient/P, unflattened, are these bits
    return reduced;
  }
  const ValueId reduced = flat_value("reduce/*/reduced", replicate());
  builder.collective(OpKind::all_reduce, Axis::dp, module, "reduce", "all_reduce", packed, reduced);
  const ValueId averaged = flat_value("reduce/*/averaged", replicate());
  builder
      .append(OpKind::scale, module, "reduce", "scale", {reduced}, {averaged},
              {{"factor", 1.0 / builder.dp()}})
      .recorded = false;  // gradient/P, unflattened, are these bits
  return averaged;
}

}  // namespace

std::vector<ValueId> lower_gradient_sync(Builder& builder, const FlatPartition& partition) {
  std::map<std::string, ValueId> gradients;
  for (std::size_t b = 0; b < partition.buckets.size(); ++b) {
    const int layout = partition.buckets[b];
    const std::string module = "bucket_" + std::to_string(b);
    const auto entries = builder.program().layouts[static_cast<std::size_t>(layout)].entries;

    std::vector<ValueId> accumulators;
    std::vector<ValueId> averaged;
    for (const FlatLayout::Entry& entry : entries) {
      accumulators.push_back(builder.accumulator(entry.parameter));
      Value gradient = builder.value(accumulators.back());
      gradient.name = "gradient/" + entry.parameter;
      gradient.placement.dp = replicate();
      gradient.lifetime = Lifetime::segment;
      averaged.push_back(builder.add_value(std::move(gradient)));
      gradients[entry.parameter] = averaged.back();
    }

    const ValueId packed =
        add_flat_value(builder, layout, "reduce/*/packed", builder.policy().working, partial());
    builder.append(OpKind::flatten, module, "reduce", "flatten", accumulators, {packed});
    const ValueId result = average_over_dp(builder, layout, module, packed);
    builder.append(OpKind::unflatten, module, "reduce", "unflatten", {result}, averaged);
  }

  std::vector<ValueId> in_order;
  for (const ParameterDescription& parameter : builder.model().parameters)
    in_order.push_back(gradients.at(parameter.name));
  return in_order;
}

}  // namespace shardproof::real
