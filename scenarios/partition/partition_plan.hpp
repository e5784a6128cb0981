#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/partition/widths.hpp"

namespace shardproof {

/// What AutoTP does with the weight of one module. The bias of a column follows its rows; the bias
/// of a row is whole on every rank.
struct LayerPartition {
  enum class Style { replicated, column, row };
  Style style = Style::replicated;
  Widths widths;  // column: of the output features, row: of the input features; empty: cut evenly
  bool gather_output = false;   // column: the output is gathered over tp
  bool grad_allreduce = false;  // replicated, but its gradient is summed over tp
  std::string rule;  // what decided it, for people: "preset llama, .*\.mlp\.down_proj..."
};
const char* name_of(LayerPartition::Style style);

/// What AutoTP does with every weight of a model. Engine and reports agree on it; the oracle never
/// sees it.
struct PartitionPlan {
  std::map<std::string, LayerPartition> modules;  // by module path; those absent are replicated
  std::vector<std::string> warnings;              // "model.layers.0.mlp.up_proj: 2 patterns match"

  /// Replicated if it is not listed.
  const LayerPartition& of(const std::string& module) const;
};

}  // namespace shardproof
