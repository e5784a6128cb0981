#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/shadow_choice.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// The children of one run.
struct RunJobs {
  std::vector<Job> executions;  // side by side, as many as fit
  Job judge;                    // after them: leaves summary.json, and its text in its log
  std::string launcher;         // how ranks are started, for the record
  ShadowChoice shadow = {};     // whether one is among the executions, for the record
  Needs needs = {};             // what was expected of them, for the record
  Fit fit = {};
};

/// How a run ended.
struct RunOutcome {
  int exit_code = 0;
  std::string headline;  // the verdict's first line, or what went wrong
  std::string folder;    // where its results lie
};

/// What is asked of it by options.
struct Supervision {
  bool quiet = false;                        // the headline alone, and no progress
  std::optional<double> stall_seconds = {};  // a silence after which a child is stopped
  double start_seconds = 0;                  // that a child may well need before its first op
};

/// Runs the executions, writes run.json, runs the judge, and puts the results in place. Prints the
/// verdict on stdout, progress on stderr. Where there is no verdict the results stay unfinished,
/// and the error's words name their folder: ScenarioError if the judge refused its input,
/// Interrupted, else EnvironmentError.
RunOutcome run_supervised(const Scenario& scenario, RunFolder& folder, const RunJobs& jobs,
                          const Supervision& asked = {});

}  // namespace shardproof
