#pragma once

#include <functional>
#include <string>

#include "scenarios/random/minimize.hpp"
#include "scenarios/random/runs_here.hpp"

namespace shardproof {

/// minimize, that tells on stderr what it takes, and calls `still` before each run. The smallest so
/// far lies in `file` as soon as there is one, at the end also if that is the scenario itself; of
/// what passes or is refused nothing does.
Minimized minimize_into(const std::string& file, const JsonValue& scenario, const RunScenario& run,
                        int most_runs, const std::function<void()>& still);

struct MinimizeOptions {
  std::string scenario, out;  // files
  int runs = 400;
  bool real = false;
};

/// Writes to `out` a smaller scenario that fails as the one of the file does, and says what it is.
/// Throws ScenarioError if `out` is there, or the scenario passes or is refused; Interrupted, which
/// says whether `out` has the smallest so far.
void minimize_file(const MinimizeOptions& options, const Runners& runners);

}  // namespace shardproof
