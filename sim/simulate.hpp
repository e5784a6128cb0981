#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/collective_failure.hpp"

namespace shardproof::real {
class Device;
}

namespace shardproof::sim {

/// Runs every rank of a scenario in this process and writes their traces into `folder`. Planted
/// defects are applied. False if the ranks could not go on together: then the folder holds
/// collective_failure.json, and the traces end where each rank stood. Throws ScenarioError if the
/// program is ill typed and no defect is planted.
bool simulate(const Scenario& scenario, const std::string& folder,
              const std::function<void(int steps_done, int steps)>& progress = {});

/// How a run in this process ended, and what each rank's arena took.
struct Simulation {
  std::optional<CollectiveFailure> failure;  // nothing: every rank has run its schedule
  std::vector<std::size_t> peak_bytes;       // by rank
};
/// The same for a program that was lowered from the scenario some other way, and no report of a
/// failure is written.
Simulation simulate_program(const Scenario& scenario, const Program& program,
                            const std::string& folder,
                            const std::function<void(int steps_done, int steps)>& progress = {});
/// The same, but that each rank has the device of its number, instead of one that all share.
Simulation simulate_program_on(std::span<real::Device* const> devices, const Scenario& scenario,
                               const Program& program, const std::string& folder,
                               const std::function<void(int steps_done, int steps)>& progress = {});

}  // namespace shardproof::sim
