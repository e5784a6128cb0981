// Built for GPUs and for simulated ones.
#include "real/cuda/machine.hpp"
#include "tests/contracts/hosted_communicator.hpp"
#include "tests/contracts/needs_gpu.hpp"
#include "tests/support/mpi_main.hpp"

namespace shardproof::contract {

std::vector<ReductionOrder> orders() { return {ReductionOrder::library}; }

std::unique_ptr<Cluster> make_cluster(const ProcessGrid& grid, ReductionOrder order) {
  if (grid.world() != mpi_process().world()) return nullptr;
  return std::make_unique<MachineCluster>(real::SHARDPROOF_GPU::machine(mpi_process(), grid, order),
                                          mpi_process().rank());
}

BOOST_AUTO_TEST_CASE(an_order_that_nccl_does_not_have_is_refused) {
  const ProcessGrid grid({.tp = 1, .dp = mpi_process().world()});
  for (const ReductionOrder order : {ReductionOrder::ring, ReductionOrder::rank_order})
    BOOST_CHECK_THROW(real::SHARDPROOF_GPU::machine(mpi_process(), grid, order), ScenarioError);
}

}  // namespace shardproof::contract
