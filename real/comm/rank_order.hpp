#pragma once

#include "real/comm/channel.hpp"
#include "real/comm/combine.hpp"

namespace shardproof::real {

/// All-reduce in place as ((x0 + x1) + x2) + ...: the running result goes up the ranks, and the
/// last one sends it to everybody. Slow for large groups and simple: no element's order depends on
/// its place in the buffer.
void rank_order_all_reduce(Channel& channel, Combine combine, Dtype dtype,
                           std::span<std::byte> buffer);

}  // namespace shardproof::real
