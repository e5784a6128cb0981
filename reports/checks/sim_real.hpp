#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// The result, and the failing units for the search of the first divergence.
struct SimReal {
  CheckResult result;
  Tally tally;
};

/// Every tensor of sim and real is bit-identical, and so is everything that their ops read and
/// wrote, in order. This is promised under a pinned reduction order and with one arithmetic
/// fingerprint on all ranks of both; otherwise, or if one of the two is missing, `not_run` with the
/// reason. Counts elements of recorded tensors. In a failure `expected` is sim's value and `got`
/// real's.
SimReal check_sim_real(const JudgeContext& context);

}  // namespace shardproof::reports
