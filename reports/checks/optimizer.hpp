#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// The sharded optimizer as a whole, at every step:
///   - each element of a rank's shard of the master and of what the optimizer remembers is owned by
///     exactly one member of its DP group with ZeRO 1, by every member with stage 0;
///   - padding is zero;
///   - the working parameter is RN(master), bit by bit, on every rank;
///   - grad_norm and clip_factor have the same bits on all ranks;
///   - grad_norm is the norm of the gradients, each distinct parameter once, within its acceptance
///   set.
/// Counts elements.
Tally check_optimizer(const JudgeContext& context);

}  // namespace shardproof::reports
