#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// Where the traces of a run are. An execution that was not asked for has no folder.
struct JudgeInput {
  const Scenario& scenario;
  std::optional<std::string> reference_folder;
  std::optional<std::string> sim_folder;
  std::optional<std::string> real_folder;
  /// Sentences of executions that were asked for and did not finish.
  std::vector<std::string> errors;
};

/// Runs every check that the executions allow and says what they prove together.
/// Fills in everything of the verdict but timing, plan text and reproduce command.
Verdict judge(const JudgeInput& input);

}  // namespace shardproof::reports
