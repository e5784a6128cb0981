#pragma once

#include <functional>
#include <string>

#include "reports/judge.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

struct FolderToJudge {
  std::string folder;         // of results, also of a run that was stopped
  std::string baseline = {};  // a folder; "": there is none
  std::string place = {};     // where the results will lie; "": where they are
  std::string program = {};   // that reproduces them
};

struct FolderVerdict {
  Verdict verdict;
  std::string place;  // where the results will lie
};

/// The verdict on the traces that lie in a folder, with what the run's record knows of it. An
/// earlier verdict there is removed, and what was read is left to the end of the process. `lower`:
/// makes a scenario's program. Throws ScenarioError if a trace is of another scenario than lies
/// beside it, or its baseline is none.
FolderVerdict judge_folder(const FolderToJudge& asked,
                           const std::function<Program(const Scenario&)>& lower,
                           const std::function<void(int done, int total)>& on_progress);

}  // namespace shardproof::reports
