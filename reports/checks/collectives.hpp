#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// What each rank issued (/collectives) is, in order, what its own program says of the ops that it
/// ran; is alike on all members of a group; and is what reports/budget derives from the scenario
/// alone, at every moment. Counts collectives (of a run of one rank
/// the moments, in none of which there may be any).
Tally check_collectives(const JudgeContext& context);

}  // namespace shardproof::reports
