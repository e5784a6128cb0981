#pragma once

#include <algorithm>
#include <cstdint>

#include "real/cuda/launch.hpp"
#include "real/cuda/workspace.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

// One number from whole tensors, by several launches and in one order. Each thread of the first
// launches adds up what it saw; the block adds its threads' sums as block_sum does, and those of
// block b go to partials[b], launch after launch. The last launch is one block: its thread t adds
// partials t, t + kThreads, ..., and block_sum the rest.

/// Blocks of a launch that leave partials.
constexpr std::int64_t kMostPartials = std::min<std::int64_t>(1024, kMostBlocks);

template <class S>
__global__ void clear_partials_kernel(Global<S> partials) {
  for (std::int64_t i = first_element(); i < kMostPartials; i += grid_threads()) partials[i] = S{0};
}

/// kMostPartials zeros in the stream's workspace.
template <class S>
Global<S> cleared_partials(Device& device, const KernelCall& call) {
  const auto partials = Workspace(device, call).take<S>(kMostPartials);
  launch_elements(device, call, kMostPartials, clear_partials_kernel<S>, partials);
  return partials;
}

/// A thread for each of `count` elements, in no more blocks than have partials.
template <class... Parameters, class... Arguments>
void launch_partials(Device& device, const KernelCall& call, std::int64_t count,
                     void (*kernel)(Parameters...), const Arguments&... arguments) {
  launch_blocks(device, call, std::min((count + kThreads - 1) / kThreads, kMostPartials), kernel,
                arguments...);
}

/// All threads of the block must come.
template <class S>
__device__ void add_to_partial(Global<S> partials, S of_thread) {
  const S sum = block_sum(of_thread);
  if (threadIdx.x == 0) partials[blockIdx.x] = partials[blockIdx.x] + sum;
}

/// For all threads of the one block.
template <class S>
__device__ S sum_of_partials(Global<S> partials) {
  S sum{0};
  for (std::int64_t i = threadIdx.x; i < kMostPartials; i += blockDim.x) sum = sum + partials[i];
  return block_sum(sum);
}

/// y = 1 if anything was counted, else 0.
template <class C>
__global__ void any_kernel(Global<std::int64_t> counts, Output<C> y) {
  const std::int64_t count = sum_of_partials(counts);
  if (threadIdx.x == 0) y.set(0, count > 0 ? C{1} : C{0});
}

}  // namespace shardproof::real::SHARDPROOF_GPU
