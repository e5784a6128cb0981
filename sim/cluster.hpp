#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "real/run/rank_executor.hpp"
#include "real/run/schedule_runner.hpp"
#include "scenarios/trace/collective_failure.hpp"
#include "sim/communicator.hpp"

namespace shardproof::sim {

/// One rank of the cluster: what it runs, and how far it is.
struct SimulatedRank {
  real::RankExecutor& executor;
  real::ScheduleRunner& runner;
  bool done = false;
  bool stuck = false;  // it met others in a collective that was not the same
};

/// Advances all ranks in turn, on this thread, until every schedule has run. A round in which no
/// rank moves is a deadlock. `unedited` gives each op's place in the program before any edit, which
/// tells which of two different collectives comes first, and so which ranks left it out. Returns
/// nothing if all went well.
std::optional<CollectiveFailure> run_cluster(std::vector<SimulatedRank>& ranks,
                                             const Rendezvous& rendezvous, const Program& unedited);

}  // namespace shardproof::sim
