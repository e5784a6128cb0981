#include "scenarios/partition/partition_plan.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/model/model_description.hpp"

namespace shardproof {

const char* name_of(LayerPartition::Style style) {
  switch (style) {
    case LayerPartition::Style::replicated: return "replicated";
    case LayerPartition::Style::column: return "column";
    case LayerPartition::Style::row: return "row";
  }
  SHARDPROOF_EXPECTS(false, static_cast<int>(style));
  return "";
}

const LayerPartition& PartitionPlan::of(const std::string& module) const {
  static const LayerPartition replicated;
  const auto found = modules.find(module);
  return found == modules.end() ? replicated : found->second;
}

PartitionPlan llama_partition(const ModelDescription& model) {
  PartitionPlan plan;
  for (const ParameterDescription& parameter : model.parameters) {
    if (!parameter.name.ends_with("_proj.weight")) continue;
    const std::string module = parameter.name.substr(0, parameter.name.size() - 7);
    const bool row = module.ends_with(".o_proj") || module.ends_with(".down_proj");
    plan.modules[module].style = row ? LayerPartition::Style::row : LayerPartition::Style::column;
    plan.modules[module].rule = "preset llama";
  }
  return plan;
}

}  // namespace shardproof
