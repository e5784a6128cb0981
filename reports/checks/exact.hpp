#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// In an exact scenario (scenarios/exact/exact.hpp) every number of the unsharded model has one
/// value, whatever is added in which order: all that an execution recorded and the reference has,
/// in the bits of the reference. That the numbers are exact is proved again here; where they are
/// not, the outcome is `unknown`.
Tally check_exact(const JudgeContext& context);

}  // namespace shardproof::reports
