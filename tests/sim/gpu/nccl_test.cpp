// The simulated NCCL, by its own interface: what a program that is right gets, and what each misuse
// is called. Run as several ranks; every rank runs every case.

#include "sim/gpu/nccl.hpp"

#include <nccl.h>

#include "tests/sim/gpu/gpu.hpp"
#include "tests/support/mpi_main.hpp"

namespace shardproof::sim::gpu {
namespace {

using Floats = std::vector<float>;

int ranks() { return mpi_process().world(); }
int rank() { return mpi_process().rank().value; }

using gpu::succeed;
void succeed(ncclResult_t answer) {
  BOOST_REQUIRE_EQUAL(ncclGetErrorString(answer), ncclGetErrorString(ncclSuccess));
}

ncclConfig_t config(const char* name, int blocking) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = blocking;
  config.commName = name;
  return config;
}

/// Until a communicator that does not block is done: what it says itself, since a split answers
/// "success" while it is under way.
ncclResult_t settled(ncclComm_t comm, ncclResult_t answer) {
  if (answer == ncclSuccess) answer = ncclInProgress;
  while (answer == ncclInProgress) succeed(ncclCommGetAsyncError(comm, &answer));
  return answer;
}

ncclUniqueId id_of_first() {
  ncclUniqueId id{};
  if (rank() == 0) succeed(ncclGetUniqueId(&id));
  mpi_process().broadcast(std::as_writable_bytes(std::span(&id, 1)), Rank{0});
  return id;
}

/// A simulated GPU on every rank, and a communicator of all.
struct Cluster : Gpu {
  explicit Cluster(const Schedule& schedule = {}) : Gpu(schedule) {
    set_nccl_patience(std::chrono::seconds(60));
    ncclConfig_t all = config("all", 1);
    succeed(ncclCommInitRankConfig(&comm, ranks(), id_of_first(), rank(), &all));
  }
  ~Cluster() { ncclCommDestroy(comm); }

  ncclResult_t sum(const float* from, float* to, std::size_t count) {
    return ncclAllReduce(from, to, count, ncclFloat32, ncclSum, comm, communication);
  }
  ncclComm_t comm = nullptr;
};

/// 2^24 on rank 0, 1 on the others: a sum in fp32 depends on the order.
Floats large_on_first(std::size_t count) { return Floats(count, rank() == 0 ? 0x1p24F : 1.0F); }

BOOST_AUTO_TEST_SUITE(nccl)

// Chunk c starts at rank c + 1. Of three ranks 1 + 1 + 2^24, 1 + 2^24 + 1 and 2^24 + 1 + 1: where
// the large number comes last, the others are not lost. A tail of chunks is short, or empty.
BOOST_AUTO_TEST_CASE(a_sum_is_added_up_the_ring_chunk_by_chunk) {
  if (ranks() != 3) return;
  for (const Schedule& schedule : schedules()) {
    Cluster cluster(schedule);
    float* const x = cluster.filled(large_on_first(27));
    float* const y = cluster.fresh<float>(27);
    succeed(cluster.sum(x, y, 27));
    Floats expected(27, 0x1p24F);
    for (std::size_t i = 0; i < 16; ++i) expected[i] = 0x1p24F + 2;  // shares of 16, 11, and none
    for (std::size_t i = 16; i < 27; ++i) expected[i] = 0x1p24F;
    BOOST_TEST(cluster.read(y, 27) == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(long_tensors_go_in_rounds_and_a_sum_may_replace_its_input) {
  Cluster cluster;
  Floats numbers(10000);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<float>(static_cast<int>(i) + rank());
  float* const x = cluster.filled(numbers);
  succeed(cluster.sum(x, x, numbers.size()));
  const Floats sums = cluster.read(x, numbers.size());
  const int of_ranks = ranks() * (ranks() - 1) / 2;
  for (std::size_t i = 0; i < sums.size(); ++i)
    BOOST_REQUIRE_EQUAL(sums[i], static_cast<float>(static_cast<int>(i) * ranks() + of_ranks));
}

BOOST_AUTO_TEST_CASE(gathered_are_all_inputs_in_the_order_of_the_ranks) {
  Cluster cluster;
  const auto n = static_cast<std::size_t>(ranks());
  const auto r = static_cast<float>(rank());
  float* const x = cluster.filled<float>({r, r + 0.5F});
  float* const y = cluster.fresh<float>(2 * n);
  succeed(ncclAllGather(x, y, 2, ncclFloat32, cluster.comm, cluster.communication));
  const Floats all = cluster.read(y, 2 * n);
  for (std::size_t i = 0; i < 2 * n; ++i) BOOST_TEST(all[i] == 0.5F * static_cast<float>(i));
}

BOOST_AUTO_TEST_CASE(a_communicator_that_does_not_block_answers_later) {
  Gpu gpu;
  ncclConfig_t all = config("all", 0);
  ncclComm_t comm = nullptr;
  const ncclResult_t asked = ncclCommInitRankConfig(&comm, ranks(), id_of_first(), rank(), &all);
  BOOST_TEST((asked == ncclSuccess || asked == ncclInProgress));
  succeed(settled(comm, asked));

  // Pairs of neighbours, in the reverse order.
  ncclConfig_t half = config("half", 0);
  ncclComm_t part = nullptr;
  succeed(settled(comm, ncclCommSplit(comm, rank() / 2, -rank(), &part, &half)));
  float* const x = gpu.filled<float>({static_cast<float>(rank())});
  float* const y = gpu.fresh<float>(2);
  succeed(ncclAllGather(x, y, 1, ncclFloat32, part, gpu.compute));
  const int first = rank() / 2 * 2;
  const int last = std::min(first + 1, ranks() - 1);
  const std::size_t size = last == first ? 1 : 2;
  const Floats got = gpu.read(y, size);
  BOOST_TEST(got.front() == static_cast<float>(last));
  BOOST_TEST(got.back() == static_cast<float>(first));
  succeed(ncclCommDestroy(part));
  succeed(ncclCommDestroy(comm));
}

BOOST_AUTO_TEST_CASE(calls_of_a_group_begin_when_it_ends) {
  Cluster cluster;
  float* const x = cluster.filled(Floats(4, 1));
  float* const y = cluster.fresh<float>(4);
  succeed(ncclGroupStart());
  succeed(ncclGroupStart());
  succeed(cluster.sum(x, x, 4));
  succeed(cluster.sum(x, y, 4));
  succeed(ncclGroupEnd());
  succeed(ncclGroupEnd());
  const auto n = static_cast<float>(ranks());
  BOOST_TEST(cluster.read(y, 4) == Floats(4, n * n), boost::test_tools::per_element());
  BOOST_TEST((ncclGroupEnd() == ncclInvalidUsage));
}

/// Copied to x on the compute stream, and summed on the other one.
Floats summed_behind_a_copy(const Schedule& schedule, bool wait) {
  Cluster cluster(schedule);
  float* const source = cluster.filled(Floats(4, 5));
  float* const x = cluster.filled(Floats(4, 1));
  float* const y = cluster.fresh<float>(4);
  succeed(cudaMemcpyAsync(x, source, 16, cudaMemcpyDeviceToDevice, cluster.compute));
  if (wait) succeed(cudaStreamWaitEvent(cluster.communication, cluster.recorded(cluster.compute)));
  succeed(cluster.sum(x, y, 4));
  succeed(cudaStreamSynchronize(cluster.communication));
  return cluster.read(y, 4);
}

BOOST_AUTO_TEST_CASE(a_collective_that_does_not_wait_for_its_input_has_other_bits) {
  const Floats right(4, 5.0F * static_cast<float>(ranks()));
  const Floats wrong(4, static_cast<float>(ranks()));
  for (const Schedule& schedule : schedules())
    BOOST_TEST(summed_behind_a_copy(schedule, true) == right, boost::test_tools::per_element());
  BOOST_TEST(summed_behind_a_copy({Schedule::Kind::latest}, false) == wrong,
             boost::test_tools::per_element());
}

// ---- Misuses

/// What all ranks find, each in its own words.
template <class Call>
void expect_finding(Cluster& cluster, Call call, const std::vector<std::string>& parts) {
  const std::string text = finding([&] {
    call();
    succeed(cudaStreamSynchronize(cluster.communication));
  });
  check_names(text, parts);
  mpi_process().largest(0);  // nobody leaves before all have found it
}

BOOST_AUTO_TEST_CASE(another_count_dtype_op_or_kind_is_named_with_both_ranks) {
  if (ranks() == 1) return;
  const bool odd = rank() == 1;
  {
    Cluster cluster;
    float* const x = cluster.filled(Floats(8, 1));
    set_label(odd ? "the other op" : "an op");
    expect_finding(cluster, [&] { succeed(cluster.sum(x, x, odd ? 3 : 4)); },
                   {"rank 0 of \"all\" (0 of the job) for an op: ncclAllReduce, sum of 4 x fp32",
                    "rank 1 of \"all\" (1 of the job) for the other op: ncclAllReduce, sum of 3"});
    set_label("");
  }
  {
    Cluster cluster;
    float* const x = cluster.filled(Floats(8, 1));
    expect_finding(cluster,
                   [&] {
                     succeed(ncclAllReduce(x, x, 4, odd ? ncclFloat16 : ncclFloat32, ncclSum,
                                           cluster.comm, cluster.communication));
                   },
                   {"4 x fp32", "4 x fp16"});
  }
  {
    Cluster cluster;
    float* const x = cluster.filled(Floats(8, 1));
    expect_finding(cluster,
                   [&] {
                     succeed(ncclAllReduce(x, x, 4, ncclFloat32, odd ? ncclMax : ncclSum,
                                           cluster.comm, cluster.communication));
                   },
                   {"ncclAllReduce, max", "ncclAllReduce, sum"});
  }
  {
    Cluster cluster;
    float* const x = cluster.filled(Floats(8, 1));
    float* const y = cluster.fresh<float>(8 * static_cast<std::size_t>(ranks()));
    expect_finding(
        cluster,
        [&] {
          if (odd)
            succeed(ncclAllGather(x, y, 4, ncclFloat32, cluster.comm, cluster.communication));
          else
            succeed(cluster.sum(x, y, 4));
        },
        {"ncclAllGather of 4", "ncclAllReduce, sum of 4"});
  }
}

BOOST_AUTO_TEST_CASE(a_member_that_does_not_come_is_told_by_those_who_wait) {
  if (ranks() == 1) return;
  Cluster cluster;
  set_nccl_patience(std::chrono::milliseconds(300));
  float* const x = cluster.filled(Floats(4, 1));
  if (rank() != 0)
    check_names(finding([&] {
                  succeed(cluster.sum(x, x, 4));
                  succeed(cudaStreamSynchronize(cluster.communication));
                }),
                {"rank " + std::to_string(rank()) + " of \"all\"", "waits in ncclAllReduce, sum",
                 "those who have not come: rank 0 of \"all\" (0 of the job)"});
  mpi_process().largest(0);
}

BOOST_AUTO_TEST_CASE(memory_that_nobody_wrote_or_that_is_not_there_is_no_input) {
  Cluster cluster;
  float* const fresh = cluster.fresh<float>(4);
  expect_finding(cluster, [&] { succeed(cluster.sum(fresh, fresh, 4)); },
                 {"ncclAllReduce", "written"});
}

BOOST_AUTO_TEST_CASE(a_buffer_of_the_host_a_type_and_an_op_that_it_lacks_are_refused) {
  Cluster cluster;
  float on_host = 1;
  float* const x = cluster.filled(Floats(4, 1));
  BOOST_TEST((cluster.sum(&on_host, x, 1) == ncclInvalidArgument));
  BOOST_TEST(std::string(ncclGetLastError(cluster.comm)) == "a buffer is not in device memory");
  BOOST_TEST((ncclAllReduce(x, x, 4, ncclFloat32, ncclAvg, cluster.comm, cluster.compute) ==
              ncclInvalidArgument));
  BOOST_TEST((ncclAllReduce(x, x, 1, ncclInt64, ncclSum, cluster.comm, cluster.compute) ==
              ncclInvalidArgument));
  ncclComm_t comm = nullptr;
  ncclConfig_t all = config("all", 1);
  BOOST_TEST((ncclCommInitRankConfig(&comm, ranks() + 1, id_of_first(), rank(), &all) ==
              ncclInvalidUsage));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
