#include "real/host/rank_main.hpp"

#include <charconv>
#include <cstdio>

#include "real/comm/mpi_process.hpp"
#include "real/run/rank_run.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof::real {

namespace {

void expect_same_program(const MpiProcess& process, const Program& program) {
  const std::string hash = hash_of(program);
  if (!process.all_equal(std::stoull(hash, nullptr, 16)))
    throw EnvironmentError("the ranks lowered different programs (here " + hash +
                           "): do all nodes run the same build with the same files?");
}

// When it returns, the rank's memory is free again.
void run_program(const MpiProcess& process, const Scenario& scenario, const std::string& folder,
                 MakeMachine make_machine, const std::function<void(int, int)>& progress) {
  if (process.world() != scenario.world())
    throw EnvironmentError("the launcher started " + std::to_string(process.world()) +
                           " ranks, the scenario has a world of " +
                           std::to_string(scenario.world()));
  const Program program = checked_program(scenario);
  expect_same_program(process, program);
  const Inputs inputs(scenario);
  const Machine machine = make_machine(process, program.grid(), scenario.reduction);
  RankRun rank(
      {scenario, program, inputs, Execution::real, folder, process.rank(), machine.properties},
      *machine.device, *machine.communicator, process.rank() == Rank{0} ? progress : nullptr);
  while (!rank.runner().advance()) {
  }
  rank.executor().synchronize();
  rank.close();
}

void run(const MpiProcess& process, const Scenario& scenario, const std::string& folder,
         MakeMachine make_machine, const std::function<void(int, int)>& progress) {
  run_program(process, scenario, folder, make_machine, progress);
  process.largest(0);  // all traces are closed before the master looks at them
  if (process.rank() == Rank{0} && scenario.shows_tensors()) write_master(folder);
}

}  // namespace

int run_rank(const Scenario& scenario, const std::string& folder, MakeMachine make_machine,
             const std::function<void(int, int)>& progress) {
  const MpiProcess process;
  try {
    run(process, scenario, folder, make_machine, progress);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", process.rank().value, error.what());
    std::fflush(stderr);
    MpiProcess::abort(3);
  }
  return 0;
}

}  // namespace shardproof::real
