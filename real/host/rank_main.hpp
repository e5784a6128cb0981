#pragma once

#include <functional>
#include <string>

#include "real/machine/machine.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// This process's rank of the real engine: joins the MPI job, lowers the scenario, compares the
/// program's hash with all other ranks', runs the schedule on the machine and writes its trace into
/// `folder`; rank 0 writes the master when all are done. Returns the exit code; a rank that fails
/// says so on stderr ("rank 2: ...") and ends the whole job.
int run_rank(const Scenario& scenario, const std::string& folder, MakeMachine make_machine,
             const std::function<void(int steps_done, int steps)>& progress = {});

}  // namespace shardproof::real
