#include "sim/simulate.hpp"

#include <memory>

#include "real/cpu/device.hpp"
#include "real/run/rank_run.hpp"
#include "scenarios/errors.hpp"
#include "sim/cluster.hpp"

namespace shardproof::sim {

bool simulate(const Scenario& scenario, const std::string& folder,
              const std::function<void(int, int)>& progress) {
  const Program program = real::checked_program(scenario);
  const Simulation run = simulate_program(scenario, program, folder, progress);
  if (run.failure) write_collective_failure(folder, *run.failure);
  return !run.failure;
}

Simulation simulate_program(const Scenario& scenario, const Program& program,
                            const std::string& folder,
                            const std::function<void(int, int)>& progress) {
  real::CpuDevice device;
  const std::vector<real::Device*> shared(static_cast<std::size_t>(program.grid().world()),
                                          &device);
  return simulate_program_on(shared, scenario, program, folder, progress);
}

Simulation simulate_program_on(std::span<real::Device* const> devices, const Scenario& scenario,
                               const Program& program, const std::string& folder,
                               const std::function<void(int, int)>& progress) {
  SHARDPROOF_EXPECTS(std::ssize(devices) == program.grid().world(), devices.size());
  const real::Inputs inputs(scenario);
  Rendezvous rendezvous(program.grid(), scenario.reduction);

  std::vector<std::unique_ptr<SimCommunicator>> communicators;
  std::vector<std::unique_ptr<real::RankRun>> runs;
  std::vector<SimulatedRank> ranks;
  for (int r = 0; r < program.grid().world(); ++r) {
    real::Device& device = *devices[static_cast<std::size_t>(r)];
    communicators.push_back(std::make_unique<SimCommunicator>(rendezvous, Rank{r}, device));
    runs.push_back(std::make_unique<real::RankRun>(
        real::RankRun::Setting{scenario, program, inputs, Execution::sim, folder, Rank{r}}, device,
        *communicators.back(), r == 0 ? progress : nullptr));
    ranks.push_back({runs.back()->executor(), runs.back()->runner()});
  }

  Simulation simulation;
  simulation.failure = run_cluster(ranks, rendezvous, program);
  // What was recorded before ranks parted tells why they did.
  for (auto& run : runs) {
    simulation.peak_bytes.push_back(run->executor().arena().peak_bytes());
    run->close();
  }
  return simulation;
}

}  // namespace shardproof::sim
