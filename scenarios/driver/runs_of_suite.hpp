#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/driver/runs_at_once.hpp"
#include "scenarios/driver/suite.hpp"

namespace shardproof {

/// How the runs of a suite go side by side.
struct SuiteRuns {
  std::string program;             // each is a `PROGRAM run`
  std::vector<std::string> words;  // of its command line, beside the scenario
  std::string out;
  int at_once = 1;
  bool plan = false;   // print it
  bool quiet = false;  // a line for each
  /// What a run of one takes alone. One that cannot run may throw: its own run refuses it.
  std::function<Needs(const SuiteMember& member, const Machine& machine)> needs_alone;
};

/// Of the scenario, or of the file that could not be read.
std::string member_name(const SuiteMember& member);

/// A verdict that is new makes an older run without one no part of the answer: says that it lies
/// there.
void tell_of_undecided(const RunOutcome& outcome);

/// Runs those that could be read, tells of each as soon as it has ended what it alone would have
/// printed, and returns how each ended, in their order. One that could not be read is told before
/// the others begin. Throws ScenarioError if they may be too much for the machine together, and
/// Interrupted.
std::vector<TimedOutcome> run_side_by_side(const std::vector<SuiteMember>& members,
                                           const SuiteRuns& how);

}  // namespace shardproof
