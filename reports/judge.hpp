#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// An execution of an engine that left a trace: "sim", "real", or another recording of the
/// scenario.
struct JudgedExecution {
  std::string name;
  std::string folder;
};

/// The fp64 shadow of a run.
struct ShadowInput {
  std::optional<Scenario> scenario = {};  // that it is judged by; nothing: it did not run
  std::string folder = {};                // where it left its trace
  std::string not_run = "nobody has run it";
};

/// Where the traces of a run are.
struct JudgeInput {
  const Scenario& scenario;
  std::optional<std::string> reference_folder;  // nullopt: it was not asked for
  std::vector<JudgedExecution> engines;
  /// Sentences of executions that were asked for and did not finish.
  std::vector<std::string> errors;
  /// Of a run that recorded hashes alone: the file of the baseline that they are held against.
  std::optional<std::string> baseline = {};
  /// Where a run that is judged in full and passes leaves its baseline; "": nowhere.
  std::string new_baseline = {};
  ShadowInput shadow = {};
  /// Whether the process ends with the verdict: what was opened and read is left to its end. To
  /// close files of thousands of datasets, and to free what is held of them, takes as long as a
  /// check.
  bool ends_process = false;
  /// Told how many of the checks have ended; absent: nobody is.
  std::function<void(int done, int total)> on_progress = {};
};

/// Runs every check that the executions allow and says what they prove together.
/// Fills in everything of the verdict but timing, plan text and reproduce command.
Verdict judge(const JudgeInput& input);

}  // namespace shardproof::reports
