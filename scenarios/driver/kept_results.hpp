#pragma once

#include <string>

#include "scenarios/driver/run_folder.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// A run replaces the earlier results of its name, and what an unfinished one left beside them:
/// neither may hold the checkpoint that it begins with. Throws ScenarioError if one does.
void expect_resume_elsewhere(const Scenario& scenario, const std::string& out);

/// The same of the baseline that it is held against, a file.
void expect_baseline_elsewhere(const std::string& baseline, const Scenario& scenario,
                               const std::string& out);

/// Removes the traces that the scenario does not want to keep of a run that ended with `exit_code`;
/// checkpoints stay.
void keep_traces(const Scenario& scenario, const RunFolder& folder, int exit_code);

}  // namespace shardproof
