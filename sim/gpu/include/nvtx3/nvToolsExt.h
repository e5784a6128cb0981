#pragma once

// Ranges of a profiler, of which the simulated GPU has one use: errors name the innermost.

namespace shardproof::sim::gpu {

/// Give the number of ranges that enclose the one that began, or ended.
int nvtxRangePushA(const char* name);
int nvtxRangePop();

}  // namespace shardproof::sim::gpu

using shardproof::sim::gpu::nvtxRangePop;
using shardproof::sim::gpu::nvtxRangePushA;
