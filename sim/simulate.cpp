#include "sim/simulate.hpp"

#include <memory>
#include <vector>

#include "real/cpu/backend.hpp"
#include "real/run/rank_run.hpp"
#include "sim/cluster.hpp"

namespace shardproof::sim {

bool simulate(const Scenario& scenario, const std::string& folder,
              const std::function<void(int, int)>& progress) {
  const Program program = real::checked_program(scenario);
  const real::Inputs inputs(scenario);
  real::CpuBackend backend;
  Rendezvous rendezvous(program.grid(), scenario.reduction);

  std::vector<std::unique_ptr<SimCommunicator>> communicators;
  std::vector<std::unique_ptr<real::RankRun>> runs;
  std::vector<SimulatedRank> ranks;
  for (int r = 0; r < program.grid().world(); ++r) {
    communicators.push_back(std::make_unique<SimCommunicator>(rendezvous, Rank{r}));
    runs.push_back(std::make_unique<real::RankRun>(
        real::RankRun::Setting{scenario, program, inputs, Execution::sim, folder, Rank{r}}, backend,
        *communicators.back(), r == 0 ? progress : nullptr));
    ranks.push_back({runs.back()->executor(), runs.back()->runner()});
  }

  if (const auto failure = run_cluster(ranks, rendezvous, program)) {
    write_collective_failure(folder, *failure);
    return false;
  }
  for (auto& run : runs) run->close();
  write_master(folder);
  return true;
}

}  // namespace shardproof::sim
