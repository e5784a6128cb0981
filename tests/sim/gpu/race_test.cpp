#include "sim/gpu/history.hpp"
#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {
namespace {

constexpr int kThreads = 8;

/// The sum of the block's values by a tree, right but for the barriers that are left out.
__global__ void tree_kernel(Global<const float> x, Global<float> sum, bool first_barrier,
                            bool inner_barrier) {
  __shared__ Shared<float, kThreads> sums;
  const int thread = static_cast<int>(threadIdx.x);
  sums[thread] = x[thread];
  if (first_barrier) __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) sums[thread] = sums[thread] + sums[thread + half];
    if (inner_barrier) __syncthreads();
  }
  if (thread == 0) sum[blockIdx.x] = sums[0];
}

/// All read the first element; then, with a barrier between, the last thread writes it.
__global__ void overwrite_kernel(Global<float> y, bool barrier) {
  __shared__ Shared<float, 1> first;
  if (threadIdx.x == 0) first[0] = 3;
  __syncthreads();
  y[threadIdx.x] = first[0];
  if (barrier) __syncthreads();
  if (threadIdx.x == blockDim.x - 1) first[0] = 4;
}

__global__ void unwritten_kernel(Global<float> y) {
  __shared__ Shared<float, 2> values;
  if (blockIdx.x == 0) values[1] = 1;
  y[blockIdx.x] = values[1];
}

__global__ void outside_kernel(Global<float> y) {
  __shared__ Shared<float, 2> values;
  values[threadIdx.x] = 1;
  y[threadIdx.x] = 1;
}

__global__ void same_element_kernel(Global<float> y, std::int64_t apart) {
  y[(blockIdx.x * blockDim.x + threadIdx.x) * apart] = 1;
}

/// Each thread writes its element and reads that of the next one, of its block or of another.
__global__ void neighbour_kernel(Global<float> x, Global<float> y, bool barrier) {
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  const std::int64_t i = blockIdx.x * blockDim.x + threadIdx.x;
  x[i] = 1;
  if (barrier) __syncthreads();
  y[i] = x[(i + 1) % threads];
}

std::string tree(const Schedule& schedule, bool first_barrier, bool inner_barrier) {
  Gpu gpu(schedule);
  const float* x = gpu.filled<float>({1, 2, 3, 4, 5, 6, 7, 8});
  float* const sum = gpu.fresh<float>(2);
  const std::string found = finding([&] {
    gpu.run(2, kThreads, tree_kernel, Global<const float>(x, kThreads), Global<float>(sum, 2),
            first_barrier, inner_barrier);
  });
  if (found.empty())
    BOOST_TEST(gpu.read(sum, 2) == (std::vector<float>{36, 36}), boost::test_tools::per_element());
  return found;
}

BOOST_AUTO_TEST_SUITE(race)

BOOST_AUTO_TEST_CASE(a_tree_with_its_barriers_has_no_race) {
  for (const Schedule& schedule : schedules()) BOOST_TEST(tree(schedule, true, true) == "");
}

// Under a schedule that runs the reader first, its element is not even written.
BOOST_AUTO_TEST_CASE(a_tree_without_a_barrier_is_told_whatever_the_order) {
  for (const Schedule& schedule : schedules()) {
    check_names(tree(schedule, false, true), {"kernel tree_kernel, block ", "shared memory"});
    check_names(tree(schedule, true, false), {"kernel tree_kernel, block ", "a race"});
  }
  check_names(
      tree({Schedule::Kind::earliest}, false, true),
      {"block 1, thread 3", "reads element 7 of 8", "which thread 7 has written since the"});
}

BOOST_AUTO_TEST_CASE(a_write_after_others_read_needs_a_barrier) {
  for (const bool barrier : {true, false}) {
    Gpu gpu;
    float* const y = gpu.fresh<float>(3);
    const std::string found =
        finding([&] { gpu.run(1, 3, overwrite_kernel, Global<float>(y, 3), barrier); });
    if (barrier)
      BOOST_TEST(found == "");
    else
      check_names(found,
                  {"thread 2", "writes element 0 of 1, each of 4 bytes, in the block's shared",
                   "which thread 1 has read since the last barrier: a race"});
  }
}

BOOST_AUTO_TEST_CASE(shared_memory_of_another_block_was_never_written) {
  Gpu gpu;
  float* const y = gpu.fresh<float>(2);

  check_names(finding([&] { gpu.run(2, 1, unwritten_kernel, Global<float>(y, 2)); }),
              {"block 1, thread 0", "reads element 1 of 2", "no thread of the block has written"});
}

BOOST_AUTO_TEST_CASE(an_element_outside_shared_memory_is_named) {
  Gpu gpu;
  float* const y = gpu.fresh<float>(3);

  check_names(finding([&] { gpu.run(1, 3, outside_kernel, Global<float>(y, 3)); }),
              {"thread 2", "writes element 2 of 2", "shared memory: outside"});
}

BOOST_AUTO_TEST_CASE(two_threads_of_a_launch_that_write_one_element_race) {
  for (const dim3 grid : {dim3(1), dim3(2)}) {
    Gpu gpu;
    float* const y = gpu.fresh<float>(8);
    const dim3 block(2 / grid.x);
    BOOST_TEST(finding([&] {
                 gpu.run(grid, block, same_element_kernel, Global<float>(y, 8), 1);
                 gpu.run(grid, block, same_element_kernel, Global<float>(y, 8), 1);
               }) == "");
    check_names(
        finding([&] { gpu.run(grid, block, same_element_kernel, Global<float>(y, 8), 0); }),
        {"writes element 0 of 8", grid.x == 1 ? "which thread 0 has written since the last barrier"
                                              : "which block 0, thread 0 has written in the same"});
  }
}

BOOST_AUTO_TEST_CASE(a_launch_may_touch_what_other_threads_of_the_one_before_have) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    float* const x = gpu.filled<float>({0, 0, 0, 0});
    float* const y = gpu.fresh<float>(4);
    BOOST_TEST(finding([&] {
                 gpu.run(1, 4, neighbour_kernel, Global<float>(x, 4), Global<float>(y, 4), true);
                 gpu.run(2, 2, same_element_kernel, Global<float>(x, 4), 1);
                 gpu.run(4, 1, same_element_kernel, Global<float>(y, 4), 1);
               }) == "");
  }
}

BOOST_AUTO_TEST_CASE(what_a_thread_wrote_another_reads_after_a_barrier_of_the_same_block) {
  for (const Schedule& schedule : schedules())
    for (const bool barrier : {true, false})
      for (const unsigned blocks : {1U, 2U}) {
        Gpu gpu(schedule);
        float* const x = gpu.filled<float>({0, 0, 0, 0});
        float* const y = gpu.fresh<float>(4);
        const std::string found = finding([&] {
          gpu.run(blocks, 4 / blocks, neighbour_kernel, Global<float>(x, 4), Global<float>(y, 4),
                  barrier);
        });
        if (barrier && blocks == 1)
          BOOST_TEST(found == "");
        else
          check_names(found, {"kernel neighbour_kernel", "a race"});
      }
}

// ---- Histories by hand: who, after which barrier, does what, and with whom it races.

struct Step {
  std::uint32_t block;
  std::uint32_t barriers;
  std::uint16_t thread;
  Access access;
};

/// The thread with which the last step races; 0: none. The ones before race with nobody.
int last_conflict(const std::vector<Step>& steps) {
  History history;
  int with = 0;
  for (const Step& step : steps) {
    BOOST_TEST(with == 0);
    with = touch(history, {1, step.block, step.barriers, step.thread}, step.access).thread;
  }
  return with;
}

BOOST_AUTO_TEST_CASE(histories_know_what_barriers_order) {
  constexpr Access read = Access::read, write = Access::write, update = Access::update;
  BOOST_TEST(last_conflict({{0, 0, 1, write}, {0, 0, 1, read}, {0, 0, 1, write}}) == 0);
  BOOST_TEST(last_conflict({{0, 0, 1, write}, {0, 0, 2, read}}) == 1);
  BOOST_TEST(last_conflict({{0, 0, 1, write}, {0, 0, 2, write}}) == 1);
  BOOST_TEST(last_conflict({{0, 0, 1, write}, {0, 1, 2, read}, {0, 1, 1, read}}) == 0);
  BOOST_TEST(last_conflict({{0, 0, 1, read}, {0, 0, 2, read}, {0, 0, 1, write}}) == 2);
  BOOST_TEST(last_conflict({{0, 0, 2, read}, {0, 0, 1, read}, {0, 0, 1, write}}) == 2);
  BOOST_TEST(last_conflict({{0, 0, 2, read}, {0, 0, 3, read}, {0, 1, 1, write}}) == 0);
  BOOST_TEST(last_conflict({{0, 0, 1, update}, {0, 0, 2, update}, {1, 0, 1, update}}) == 0);
  BOOST_TEST(last_conflict({{0, 0, 1, update}, {0, 0, 2, read}}) == 1);
  BOOST_TEST(last_conflict({{0, 0, 1, update}, {0, 1, 2, read}, {0, 1, 3, update}}) == 2);
}

BOOST_AUTO_TEST_CASE(histories_know_that_blocks_are_ordered_by_nothing) {
  constexpr Access read = Access::read, write = Access::write;
  BOOST_TEST(last_conflict({{0, 0, 1, read}, {1, 0, 1, read}, {2, 5, 1, read}}) == 0);
  BOOST_TEST(last_conflict({{0, 0, 1, write}, {1, 1, 1, read}}) == 1);
  BOOST_TEST(last_conflict({{0, 0, 3, read}, {1, 1, 1, write}}) == 3);
  // The reader of the first block is remembered over threads and barriers of the second.
  BOOST_TEST(last_conflict({{0, 0, 3, read}, {1, 0, 1, read}, {1, 0, 2, read}, {1, 1, 1, write}}) ==
             3);
}

BOOST_AUTO_TEST_CASE(histories_forget_earlier_launches) {
  History history;
  touch(history, {1, 0, 0, 1}, Access::write);
  BOOST_TEST(is_written(history, 1));
  BOOST_TEST(!is_written(history, 2));
  BOOST_TEST(touch(history, {2, 0, 0, 2}, Access::read).thread == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
