#pragma once

#include <algorithm>
#include <cstdint>

#include "real/cuda/device.hpp"
#include "real/cuda/operands.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// Threads of a block, in kernels that need no other number.
constexpr int kThreads = 128;
/// A launch has no more blocks than this: threads go on, a whole grid further, until all is done.
constexpr std::int64_t kMostBlocks = 4096;

/// The first element of a thread, and how far its next one is away, where every thread of the grid
/// has an element of its own:
///
///   for (std::int64_t i = first_element(); i < count; i += grid_threads()) ...
__device__ inline std::int64_t first_element() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t grid_threads() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

/// Asks the call's stream for `blocks` blocks of kThreads threads; with none, for nothing.
/// EnvironmentError, with the op, if the device refuses.
template <class... Parameters, class... Arguments>
void launch_blocks(Device& device, const KernelCall& call, std::int64_t blocks,
                   void (*kernel)(Parameters...), const Arguments&... arguments) {
  if (blocks == 0) return;
  CudaDevice& gpu = on_gpu(device);
  cudaLaunchConfig_t launch{};
  launch.gridDim = dim3(static_cast<unsigned>(std::min(blocks, kMostBlocks)));
  launch.blockDim = dim3(kThreads);
  launch.stream = gpu.handle(call.stream);
  gpu.enqueued(call.tag, cudaLaunchKernelEx(&launch, kernel, Parameters(arguments)...));
}

/// As many blocks as give each of `count` elements a thread.
template <class... Parameters, class... Arguments>
void launch_elements(Device& device, const KernelCall& call, std::int64_t count,
                     void (*kernel)(Parameters...), const Arguments&... arguments) {
  launch_blocks(device, call, (count + kThreads - 1) / kThreads, kernel, arguments...);
}

/// A block for each of `rows` rows: `for (std::int64_t row = blockIdx.x; row < rows; row +=
/// gridDim.x)`.
template <class... Parameters, class... Arguments>
void launch_rows(Device& device, const KernelCall& call, std::int64_t rows,
                 void (*kernel)(Parameters...), const Arguments&... arguments) {
  launch_blocks(device, call, rows, kernel, arguments...);
}

/// The sum of one value of each thread of a block, in the order of a binary tree over the threads:
/// the same for all threads, and in each run. All threads of the block must come.
template <class C>
__device__ C block_sum(C value) {
  __shared__ Shared<C, kThreads> sums;
  const int thread = static_cast<int>(threadIdx.x);
  sums[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) sums[thread] = sums[thread] + sums[thread + half];
    __syncthreads();
  }
  const C sum = sums[0];
  __syncthreads();  // before the next call writes
  return sum;
}

/// The larger of two; NaN if there is one. Of equal ones b.
template <class T>
__device__ T larger(T a, T b) {
  return a != a || a > b ? a : b;
}

/// The largest; NaN if there is one.
template <class C>
__device__ C block_max(C value) {
  __shared__ Shared<C, kThreads> largest;
  const int thread = static_cast<int>(threadIdx.x);
  largest[thread] = value;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) largest[thread] = larger<C>(largest[thread], largest[thread + half]);
    __syncthreads();
  }
  const C all = largest[0];
  __syncthreads();
  return all;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
