#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Each rank's program says what the scenario's precision policy says, op by op: the dtype of every
/// output, the compute dtype, the dtype on the wire, the numbers that ops carry (eps, betas, clip,
/// ...), and where the sum over replicas is divided by D and in which form. Counts ops.
Tally check_policy(const JudgeContext& context);

}  // namespace shardproof::reports
