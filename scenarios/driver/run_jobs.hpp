#pragma once

#include <functional>
#include <string>

#include "scenarios/driver/prepared_run.hpp"
#include "scenarios/driver/supervised_run.hpp"

namespace shardproof {

/// By what the children of a run are started.
struct StartedBy {
  std::string program;        // this one
  std::string launcher = {};  // of ranks, as it was given; "": mpirun
  /// Makes of the command of one rank that of all.
  std::function<void(Job& job)> as_ranks;
};

/// The children of one run: `PROGRAM execute` of each execution, `PROGRAM judge`. `baseline`: the
/// folder that has the one which the run is held against; "": it is judged itself. `threads`: of
/// the judge; 0: it decides itself.
RunJobs jobs_of(const Scenario& scenario, const RunFolder& folder, const PreparedRun& prepared,
                const StartedBy& by, const std::string& baseline, int threads);

/// To be pasted into any shell, in any folder: it writes to where the results in `folder` lie.
std::string reproducing_command(const std::string& folder, const std::string& program,
                                const std::string& launcher, const std::string& baseline);

}  // namespace shardproof
