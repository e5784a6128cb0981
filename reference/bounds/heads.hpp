#pragma once

#include "reference/bounds/bounds.hpp"

/// Features taken apart by heads or blocks, put together, repeated, and summed over heads.
namespace shardproof::reference {

UnitResult replay_positions(const UnitCall& unit);     // 0 to T - 1 in each row
UnitResult replay_split(const UnitCall& unit);         // part `part` of every head
UnitResult replay_join(const UnitCall& unit);          // all parts of every head
UnitResult replay_repeat_heads(const UnitCall& unit);  // the same features for `extent` heads
/// Sums of the h heads of `head_dim` features: of none it is exactly zero, one a copy, more the sum
/// rule.
UnitResult replay_sum_heads(const UnitCall& unit);

}  // namespace shardproof::reference
