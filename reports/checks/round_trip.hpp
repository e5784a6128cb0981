#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// GatherReplacedLayerParams gives the whole parameter and leaves what it found, bit by bit: every
/// sharded layer before the first and after the last step, on every rank; once with the gathered
/// parameter negated inside the scope, and once with that undone. What is gathered and cut is not
/// stored: the logged hashes are compared with those of the parameter put together from its
/// recorded shards. Which layers are sharded follows from the scenario. Counts elements;
/// where none is, the ranks, none of which may gather anything.
Tally check_round_trip(const JudgeContext& context);

}  // namespace shardproof::reports
