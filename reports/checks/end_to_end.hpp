#pragma once

#include <vector>

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// How far each execution is from the unsharded fp64 run, step by step: loss (mean over replicas
/// and micro-steps), gradient norm, parameters (largest difference relative to the tensor's largest
/// element); in inference the logits. With fp64 weights it gates; else rounding may part two right
/// runs as far as it likes, and the outcome is `trend`. Counts elements.
///
/// The gate: |difference| <= units * K * 2^-53 * (largest element of the tensor), with `units` the
/// number of the reference's units and K the longest sum in any of them (inner dimension, or tokens
/// of a micro-batch group). Derivation, to first order: a sum of K terms errs by at most K * 2^-53
/// of its magnitude, and each unit between the input and a result adds one such error. How the
/// later units amplify what the earlier ones erred, and cancellation inside sums, are left out: a
/// heuristic for the growth of errors in well-conditioned models, not a proof. (A missing factor, a
/// wrong divisor or group is larger by ten orders of magnitude; the proofs are in op_local and
/// plan_units.)
/// What is shown goes to `trend`.
Tally check_end_to_end(const JudgeContext& context, std::vector<TrendPoint>& trend);

}  // namespace shardproof::reports
