#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Every tensor of sim and real is bit-identical, and so is everything that their ops read and
/// wrote, in order. This is promised under a pinned reduction order and with one arithmetic
/// fingerprint on all ranks of both. Counts elements of recorded tensors. In a failure `expected`
/// is sim's value and `got` real's. Where it cannot be asked:
///
/// | reduction order, fingerprints                             | outcome | required               |
/// |-----------------------------------------------------------|---------|------------------------|
/// | the library's order                                       | not_run | no                     |
/// | unlike, where processors, programs or libraries are so    | not_run | no                     |
/// | unlike, where none of these is: suspect hardware          | unknown | yes                    |
/// | not told by some rank                                     | unknown | yes                    |
/// | no trace of one of the two                                | not_run | if both were asked for |
Tally check_sim_real(const JudgeContext& context);

}  // namespace shardproof::reports
