#pragma once

#include <cstdint>
#include <vector>

namespace shardproof {

/// How a dimension is cut among the ranks of a TP group: block after block (the sub-parameters of a
/// fused weight, or one block), each into one stretch per group rank: widths[block][group rank].
/// Rank r holds part r of every block, in the order of the blocks. Empty: one block, cut evenly.
///
/// A fused (16, 8) weight of Q (8 rows), K (4), V (4) over 2 ranks, {{4, 4}, {2, 2}, {2, 2}}:
///   rank 0 holds rows 0-3, 8-9, 12-13; rank 1 holds rows 4-7, 10-11, 14-15.
using Widths = std::vector<std::vector<std::int64_t>>;

}  // namespace shardproof
