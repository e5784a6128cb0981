#pragma once

#include "real/comm/channel.hpp"
#include "real/comm/combine.hpp"

namespace shardproof::real {

/// All-reduce in place, by messages around a ring (DESIGN section 4, "ring").
///
/// The buffer of N elements is cut in n chunks, chunk c = elements [floor(c N / n), floor((c+1) N /
/// n)). Chunk c starts at rank c+1, goes up one rank a step and ends, complete, at rank c:
///
///   n = 3      step 0: sends   step 1: sends   complete at the end
///   rank 0     chunk 2         chunk 1         chunk 0 = (x1 + x2) + x0
///   rank 1     chunk 0         chunk 2         chunk 1 = (x2 + x0) + x1
///   rank 2     chunk 1         chunk 0         chunk 2 = (x0 + x1) + x2
///
/// Then the complete chunks travel round once more. Patarasuk & Yuan 2009,
/// doi:10.1016/j.jpdc.2008.09.002.
void ring_all_reduce(Channel& channel, Combine combine, Dtype dtype, std::span<std::byte> buffer);

/// gathered: the members' equally long inputs in group-rank order.
void ring_all_gather(Channel& channel, std::span<const std::byte> input,
                     std::span<std::byte> gathered);

}  // namespace shardproof::real
