#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// Where a checkpoint is to go on; what is absent stays as it was.
struct OtherGrid {
  std::optional<int> tp, dp, zero;
  std::vector<std::string> overrides;
};

/// The scenario that a checkpoint is of, on another grid. What else it says is the manifest's.
Scenario scenario_on(const Checkpoint& checkpoint, const OtherGrid& grid);

}  // namespace shardproof
