#pragma once

#include <chrono>

namespace shardproof::sim::gpu {

/// How long a member of a collective of the simulated NCCL waits for another before it is an error
/// that names both. Five minutes until it is called.
void set_nccl_patience(std::chrono::milliseconds patience);

}  // namespace shardproof::sim::gpu
