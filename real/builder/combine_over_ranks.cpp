#include "real/builder/combine_over_ranks.hpp"

namespace shardproof::real {

ValueId lower_combination(Builder& builder, const Combination& how, ValueId part) {
  std::vector<Axis> axes = how.axes;
  std::erase_if(axes, [&](Axis axis) { return builder.program().grid().size(axis) == 1; });
  for (const Axis axis : axes) {
    Value combined = builder.value(part);
    combined.name = how.value + (axis == axes.back() ? "" : std::string("_over_") + name_of(axis));
    combined.placement.on(axis) = replicate();
    combined.lifetime = Lifetime::segment;
    const ValueId id = builder.add_value(std::move(combined));
    builder.collective(how.kind, axis, how.module, how.phase, how.op + "_" + name_of(axis), part,
                       id);
    part = id;
  }
  return part;
}

}  // namespace shardproof::real
