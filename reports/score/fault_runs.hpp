#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reports/score/score.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/processors.hpp"

namespace shardproof::reports {

struct FaultOptions {
  std::vector<std::string> ids;  // empty: all
  std::string catalog = "scenarios/catalog/faults";
  std::string out = "shardproof-faults";
  int jobs = usable_processors();
  bool real = false;        // also in those that sim shows
  bool magnitudes = false;  // search the smallest that is seen
  std::string command;      // as it was given
};

/// What runs a scenario, which the engine alone can say.
struct FaultRunner {
  std::string program;  // whose command `run` it is
  /// The program of a scenario, without its edits. Throws ScenarioError of what `run` refuses.
  std::function<Program(const Scenario&)> check;
};

/// Runs each fault, and once what it is planted in, with nothing planted, and holds what was found
/// against what was expected. Leaves faults.json, faults.html and the runs in `out`, tells of each
/// on stdout, and returns the scores. An edit, or an expectation, of an op that is not there is an
/// error before anything runs.
std::vector<FaultScore> run_faults(const FaultOptions& options, const FaultRunner& runner);

}  // namespace shardproof::reports
