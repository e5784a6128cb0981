#pragma once

namespace shardproof::sim::gpu {

/// From now on a fault of this process that comes from touching device memory is told, by
/// allocation and op, before it ends the process; others go where they went. May be called again.
void watch_faults();

}  // namespace shardproof::sim::gpu
