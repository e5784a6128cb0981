#pragma once

#include <functional>
#include <string>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/driver/run_needs.hpp"
#include "scenarios/driver/shadow_choice.hpp"

namespace shardproof {

/// What is known and decided of a run before it starts.
struct PreparedRun {
  ShadowChoice shadow;
  Needs needs;
  Fit fit;
};

/// A shadow that nobody asked for, and that does not fit, is left out. `accounts`: of the
/// scenario's program, `lower` makes such programs. Throws ScenarioError if the run is too much for
/// the machine.
PreparedRun prepare(const Scenario& scenario, const Accounts& accounts,
                    const ReferenceNeeds& reference,
                    const std::function<Program(const Scenario&)>& lower, const std::string& out,
                    const Machine& machine);

}  // namespace shardproof
