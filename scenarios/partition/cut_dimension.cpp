#include "scenarios/partition/cut_dimension.hpp"

namespace shardproof {

std::optional<int> cut_dimension(const PartitionPlan& plan, const ParameterDescription& parameter) {
  using Style = LayerPartition::Style;
  const Style style = plan.of(parameter.name.substr(0, parameter.name.rfind('.'))).style;
  if (style == Style::replicated) return std::nullopt;
  const bool is_bias = parameter.shape.size() == 1;
  if (is_bias) return style == Style::column ? std::optional(0) : std::nullopt;
  const int output = parameter.module_class == ModuleClass::conv1d ? 1 : 0;
  return style == Style::column ? output : 1 - output;
}

}  // namespace shardproof
