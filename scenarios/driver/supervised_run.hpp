#pragma once

#include <string>
#include <vector>

#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// The children of one run.
struct RunJobs {
  std::vector<Job> executions;  // side by side
  Job judge;                    // after them: leaves summary.json, and its text in its log
  std::string reproduce;        // one shell command that repeats the run
};

/// Runs the executions, writes run.json, runs the judge, and puts the results in place. Prints the
/// verdict on stdout, progress on stderr; returns the judge's exit code. Where there is no verdict
/// the results stay unfinished: ScenarioError if the judge refused its input, else
/// EnvironmentError.
int run_supervised(const Scenario& scenario, RunFolder& folder, const RunJobs& jobs);

}  // namespace shardproof
