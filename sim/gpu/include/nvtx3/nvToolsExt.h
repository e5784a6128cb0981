#pragma once

// The ranges of a profiler (NVTX), for the simulated GPU: an op's name for what it is asked for.
// They are not nested.

namespace shardproof::sim::gpu {

void set_label(const char* label);

inline int nvtxRangePushA(const char* message) {
  set_label(message);
  return 0;
}
inline int nvtxRangePop() {
  set_label("");
  return 0;
}

}  // namespace shardproof::sim::gpu

using shardproof::sim::gpu::nvtxRangePop;
using shardproof::sim::gpu::nvtxRangePushA;
