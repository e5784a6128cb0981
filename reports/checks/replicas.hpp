#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Ranks that recorded the same region of a tensor recorded the same bits. Those that differ from
/// most (of two: from the lowest rank) are named. Counts elements of all copies; of a run of one
/// rank, which has none, nothing is compared.
Tally check_replicas(const JudgeContext& context);

}  // namespace shardproof::reports
