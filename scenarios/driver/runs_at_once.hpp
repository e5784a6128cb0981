#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/driver/estimate.hpp"
#include "scenarios/driver/supervised_run.hpp"

namespace shardproof {

/// A run of one scenario, as a child that leaves its outcome where its environment says.
struct RunCommand {
  std::string name;
  std::vector<std::string> words;
  std::string results;  // OUT/NAME, for what is said of one that was interrupted
};

struct TimedOutcome {
  RunOutcome outcome;
  double seconds = 0;
};

/// Told as soon as a run has ended, with the number of those that have: its outcome is whole.
using RunEnded = std::function<void(const RunOutcome& outcome, int ended)>;

/// Runs the commands, `at_once` of them at a time, and returns how each ended, in their order. A
/// run that dies itself is an outcome with exit code 3 and a sentence. Throws Interrupted, with all
/// children ended, that names what was left unfinished. To be called on the main thread.
std::vector<TimedOutcome> run_at_once(const std::vector<RunCommand>& commands, int at_once,
                                      const RunEnded& ended);

/// The child's end: leaves the outcome where SHARDPROOF_OUTCOME says, and tells the parent that it
/// lies there. Without that variable nobody has started this run but its user.
void leave_outcome(const RunOutcome& outcome);

/// What as many runs as go on at once may need together: the largest of each kind.
Needs needs_at_once(const std::vector<Needs>& needs, int at_once);

}  // namespace shardproof
