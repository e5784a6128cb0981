#pragma once

#include <functional>
#include <string>

#include "scenarios/settings/scenario.hpp"

namespace shardproof::sim {

/// Runs every rank of a scenario in this process and writes their traces and the master into
/// `folder`. Planted defects are applied. False if the ranks could not go on together: then the
/// folder holds collective_failure.json and no complete trace. Throws ScenarioError if the program
/// is ill typed and no defect is planted.
bool simulate(const Scenario& scenario, const std::string& folder,
              const std::function<void(int steps_done, int steps)>& progress = {});

}  // namespace shardproof::sim
