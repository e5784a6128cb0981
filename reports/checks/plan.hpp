#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// The program that each rank stored is well typed, has the hash that the rank announced, is the
/// same on all ranks, and records no tensor twice in one moment. Counts ops.
Tally check_plan(const JudgeContext& context);

}  // namespace shardproof::reports
