#include "scenarios/partition/partition_plan.hpp"

#include "scenarios/errors.hpp"

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

}  // namespace shardproof
