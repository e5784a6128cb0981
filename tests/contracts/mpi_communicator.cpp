#include "real/comm/mpi_communicator.hpp"

#include "real/comm/mpi_process.hpp"
#include "real/cpu/device.hpp"
#include "sim/reduction_order.hpp"
#include "tests/contracts/communicator_contract.hpp"
#include "tests/support/mpi_main.hpp"

namespace shardproof::contract {

namespace {
class MpiCluster : public Cluster {
 public:
  MpiCluster(const ProcessGrid& grid, ReductionOrder order) : communicator_(grid, order, device_) {}
  std::vector<Rank> ranks() const override { return {mpi_process().rank()}; }
  Communicator& of(Rank) override { return communicator_; }

 private:
  real::CpuDevice device_;
  real::MpiCommunicator communicator_;
};
}  // namespace

std::unique_ptr<Cluster> make_cluster(const ProcessGrid& grid, ReductionOrder order) {
  if (grid.world() != mpi_process().world()) return nullptr;
  return std::make_unique<MpiCluster>(grid, order);
}

std::vector<ReductionOrder> orders() { return {ReductionOrder::ring, ReductionOrder::rank_order}; }

namespace {
void check_bits(ReductionOrder order, const Case& c) {
  const int n = mpi_process().world();
  const ProcessGrid grid({.tp = 1, .dp = n});
  const auto cluster = make_cluster(grid, order);
  std::vector<Issued> all;
  all.push_back(issue(*cluster, grid, mpi_process().rank(), c));
  std::vector<Bytes> inputs;
  for (int r = 0; r < n; ++r) inputs.push_back(input_of(Rank{r}, c));

  BOOST_REQUIRE(complete_all(*cluster, all));

  const std::vector<std::span<const std::byte>> views(inputs.begin(), inputs.end());
  BOOST_TEST((all[0].output == sim::result_of(c.kind, order, c.dtype, c.wire, views)));
}
}  // namespace

BOOST_AUTO_TEST_CASE(messages_give_the_same_bits_as_the_formulas_of_the_simulator) {
  for (const ReductionOrder order : orders())
    for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16})
      for (const bool special : {false, true})
        check_bits(order, {Kind::all_reduce_sum, Axis::dp, dtype, dtype, 1000, special});
}

BOOST_AUTO_TEST_CASE(chunks_that_travel_in_pieces_give_the_same_bits) {
  if (mpi_process().world() > 3) return;  // their chunks are in one piece, unless tests take long
  constexpr std::int64_t count = 1'800'001;  // of 3 ranks, chunks of 2.3 MiB; the pieces have 1 MiB
  check_bits(ReductionOrder::ring,
             {Kind::all_reduce_sum, Axis::dp, Dtype::fp32, Dtype::fp32, count, false});
}

BOOST_AUTO_TEST_CASE(a_grid_of_another_size_than_the_job_is_refused) {
  const ProcessGrid grid({.tp = 1, .dp = mpi_process().world() + 1});
  real::CpuDevice device;

  BOOST_CHECK_THROW(real::MpiCommunicator(grid, ReductionOrder::ring, device), ScenarioError);
}

BOOST_AUTO_TEST_CASE(a_device_whose_memory_the_host_cannot_reach_is_refused_by_name) {
  struct Distant : real::CpuDevice {
    const char* name() const override { return "distant"; }
    bool host_accessible() const override { return false; }
  } device;
  const ProcessGrid grid({.tp = 1, .dp = mpi_process().world()});

  BOOST_CHECK_EXCEPTION(real::MpiCommunicator(grid, ReductionOrder::ring, device), ScenarioError,
                        [](const ScenarioError& error) {
                          return std::string(error.what()).find("\"distant\"") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(ranks_learn_whether_their_values_are_equal) {
  const auto rank = static_cast<std::uint64_t>(mpi_process().rank().value);

  BOOST_TEST(mpi_process().all_equal(0xfeedfacecafebeefU));
  BOOST_TEST(mpi_process().all_equal(rank) == (mpi_process().world() == 1));
  BOOST_TEST(mpi_process().largest(mpi_process().rank().value) == mpi_process().world() - 1);
}

}  // namespace shardproof::contract
