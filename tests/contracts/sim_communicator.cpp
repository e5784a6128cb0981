#include "real/cpu/device.hpp"
#include "sim/communicator.hpp"
#include "tests/contracts/communicator_contract.hpp"

namespace shardproof::contract {

namespace {
class SimCluster : public Cluster {
 public:
  SimCluster(const ProcessGrid& grid, ReductionOrder order) : rendezvous_(grid, order) {
    for (int r = 0; r < grid.world(); ++r)
      ranks_.push_back(std::make_unique<sim::SimCommunicator>(rendezvous_, Rank{r}, device_));
  }
  std::vector<Rank> ranks() const override {
    std::vector<Rank> all;
    for (int r = 0; r < static_cast<int>(ranks_.size()); ++r) all.push_back(Rank{r});
    return all;
  }
  Communicator& of(Rank rank) override { return *ranks_[static_cast<std::size_t>(rank.value)]; }

 private:
  real::CpuDevice device_;
  sim::Rendezvous rendezvous_;
  std::vector<std::unique_ptr<sim::SimCommunicator>> ranks_;
};
}  // namespace

std::unique_ptr<Cluster> make_cluster(const ProcessGrid& grid, ReductionOrder order) {
  return std::make_unique<SimCluster>(grid, order);
}

std::vector<ReductionOrder> orders() {
  return {ReductionOrder::ring, ReductionOrder::rank_order, ReductionOrder::library};
}

BOOST_AUTO_TEST_CASE(a_collective_waits_until_its_last_member_has_arrived) {
  const ProcessGrid grid({.tp = 3, .dp = 1});
  SimCluster cluster(grid, ReductionOrder::ring);
  const Case c{Kind::all_reduce_sum, Axis::tp, Dtype::fp32, Dtype::fp32, 4};
  std::vector<Issued> all;
  all.reserve(3);
  for (int r = 0; r < 2; ++r) all.push_back(issue(cluster, grid, Rank{r}, c));

  BOOST_TEST(!complete_all(cluster, all));
  all.push_back(issue(cluster, grid, Rank{2}, c));
  BOOST_TEST(complete_all(cluster, all));
}

BOOST_AUTO_TEST_CASE(an_output_is_written_only_when_its_own_rank_asks) {
  const ProcessGrid grid({.tp = 2, .dp = 1});
  SimCluster cluster(grid, ReductionOrder::ring);
  const Case c{Kind::all_reduce_sum, Axis::tp, Dtype::fp32, Dtype::fp32, 4};
  std::vector<Issued> all;
  all.reserve(2);
  for (int r = 0; r < 2; ++r) all.push_back(issue(cluster, grid, Rank{r}, c));
  const Bytes untouched = all[1].output;

  BOOST_TEST(cluster.of(Rank{0}).try_complete(all[0].ticket));
  std::ranges::fill(all[0].input, std::byte{0});  // rank 0 goes on and reuses its buffer
  BOOST_TEST((all[1].output == untouched));
  BOOST_TEST(cluster.of(Rank{1}).try_complete(all[1].ticket));

  expect_result(grid, ReductionOrder::ring, all[1]);
  BOOST_TEST((all[1].output == all[0].output));
}

BOOST_AUTO_TEST_CASE(who_waits_where_names_op_group_size_and_the_missing_member) {
  const ProcessGrid grid({.tp = 2, .dp = 2});
  sim::Rendezvous rendezvous(grid, ReductionOrder::ring);
  const Bytes input(12);
  const Bytes output(12);
  const CollectiveRequest along_tp{Kind::all_reduce_sum,
                                   Axis::tp,
                                   Dtype::fp32,
                                   view(Dtype::fp32, input),
                                   view(Dtype::fp32, output),
                                   "o_proj/forward/all_reduce"};
  CollectiveRequest along_dp = along_tp;
  along_dp.axis = Axis::dp;
  along_dp.origin = "bucket0/reduce";

  BOOST_TEST(!rendezvous.try_complete(Rank{0}, rendezvous.start(Rank{0}, along_tp)));
  BOOST_TEST(!rendezvous.try_complete(Rank{1}, rendezvous.start(Rank{1}, along_dp)));

  BOOST_TEST(
      rendezvous.who_waits_where() ==
      "rank 0 waits in o_proj/forward/all_reduce: all_reduce_sum over tp {0, 1}, 3 x fp32, wire "
      "fp32; rank 1 has not arrived (it waits in bucket0/reduce: all_reduce_sum over dp {1, 3}, 3 "
      "x fp32, wire fp32)\n"
      "rank 1 waits in bucket0/reduce: all_reduce_sum over dp {1, 3}, 3 x fp32, wire fp32; rank 3 "
      "has not arrived (it waits in no collective)\n"
      "rank 2 waits in no collective\n"
      "rank 3 waits in no collective\n");
}

}  // namespace shardproof::contract
