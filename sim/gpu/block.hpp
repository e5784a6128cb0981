#pragma once

#include <cuda_runtime.h>

#include <functional>

namespace shardproof::sim::gpu {

/// A kernel that was asked for: of how many blocks and threads, and what one of them does.
struct Launch {
  const void* kernel = nullptr;
  dim3 grid;
  dim3 block;
  std::function<void()> thread;
};

/// Runs all blocks, one after another, in the order of the schedule. Throws what a thread threw.
void run_kernel(const Launch& launch);

}  // namespace shardproof::sim::gpu
