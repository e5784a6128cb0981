#pragma once

#include <string>
#include <vector>

#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// The keys in which two scenarios ask for other numbers, with both values: "seed: 7 and 8". Empty:
/// they have all leaves and the arithmetic of training in common, and what rounding makes of that
/// may differ. What does not count is how a run is divided, ordered, rounded and recorded: grid,
/// cut, ZeRO stage, buckets, order, overlap, dtypes, executions, checkpoints, planted defects (a
/// verdict finds those).
std::vector<std::string> task_differences(const Scenario& a, const Scenario& b);

}  // namespace shardproof::reports
