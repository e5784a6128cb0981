#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {
namespace {

__global__ void rotate_kernel(Global<int> y, int times) {
  __shared__ Shared<int, 64> values;
  const int thread = static_cast<int>(threadIdx.x + blockDim.x * threadIdx.y);
  const int threads = static_cast<int>(blockDim.x * blockDim.y);
  values[thread] = thread;
  for (int i = 0; i < times; ++i) {
    __syncthreads();
    const int next = values[(thread + 1) % threads];
    __syncthreads();
    values[thread] = next;
  }
  y[blockIdx.x * static_cast<unsigned>(threads) + static_cast<unsigned>(thread)] = values[thread];
}

constexpr int kFirstBarrier = __LINE__ + 3;
__global__ void two_barriers_kernel() {
  if (threadIdx.x < 2)
    __syncthreads();
  else
    __syncthreads();
}

constexpr int kBarrier = __LINE__ + 3;
__global__ void early_return_kernel() {
  if (threadIdx.x == 3) return;
  __syncthreads();
}

__global__ void failing_after_barrier_kernel(Global<int> y) {
  __syncthreads();
  if (threadIdx.x == 2) y[5] = 1;
  __syncthreads();
}

__global__ void spinning_kernel(Global<const int> flag) {
  while (flag[0] == 0) {
  }
}

std::string place_of(int line) { return "barrier_test.cpp:" + std::to_string(line); }

BOOST_AUTO_TEST_SUITE(barrier)

BOOST_AUTO_TEST_CASE(threads_go_on_together_in_blocks_of_two_dimensions) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    int* const y = gpu.fresh<int>(12);

    gpu.run(2, {3, 2}, rotate_kernel, Global<int>(y, 12), 4);

    BOOST_TEST(gpu.read(y, 12) == (std::vector<int>{4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_block_has_up_to_1024_threads) {
  Gpu gpu;
  int* const y = gpu.fresh<int>(64);
  gpu.run(1, 64, rotate_kernel, Global<int>(y, 64), 1);

  cudaLaunchConfig_t config{};
  config.gridDim = dim3(1);
  config.blockDim = dim3(1025);
  BOOST_TEST(cudaLaunchKernelEx(&config, two_barriers_kernel) == cudaErrorInvalidConfiguration);
  config.blockDim = dim3(1);
  config.gridDim = dim3(0);
  BOOST_TEST(cudaLaunchKernelEx(&config, two_barriers_kernel) == cudaErrorInvalidConfiguration);
}

BOOST_AUTO_TEST_CASE(threads_at_two_barriers_are_named_with_both) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    check_names(finding([&] { gpu.run(1, 4, two_barriers_kernel); }),
                {"kernel two_barriers_kernel, block 0: divergent barrier: thread ",
                 place_of(kFirstBarrier), place_of(kFirstBarrier + 2)});
  }
}

BOOST_AUTO_TEST_CASE(a_thread_that_returns_before_a_barrier_is_named) {
  for (const Schedule& schedule : schedules()) {
    Gpu gpu(schedule);
    check_names(finding([&] { gpu.run(1, 6, early_return_kernel); }),
                {"kernel early_return_kernel, block 0: divergent barrier: thread ",
                 "waits at " + place_of(kBarrier), "thread 3 has returned (5 of 6 threads wait)"});
  }
}

BOOST_AUTO_TEST_CASE(a_finding_after_a_barrier_leaves_no_thread_behind) {
  for (int i = 0; i < 3; ++i) {
    Gpu gpu;
    int* const y = gpu.fresh<int>(4);
    check_names(finding([&] { gpu.run(2, 4, failing_after_barrier_kernel, Global<int>(y, 4)); }),
                {"block 0, thread 2", "writes element 5 of 4"});
  }
}

BOOST_AUTO_TEST_CASE(a_thread_that_waits_for_another_block_is_named) {
  Gpu gpu;
  const int* flag = gpu.filled<int>({0});
  check_names(finding([&] { gpu.run(2, 1, spinning_kernel, Global<const int>(flag, 1)); }),
              {"kernel spinning_kernel, block 0, thread 0", "again and again"});
}

BOOST_AUTO_TEST_CASE(a_barrier_belongs_to_a_kernel) {
  Gpu gpu;
  check_names(finding([] { __syncthreads(); }), {"__syncthreads outside a kernel"});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::sim::gpu
