#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Every tensor that the reference lists is recorded with its full shape: each element in exactly
/// one of the distinct regions (equal regions are replicas), and on every rank but where ZeRO
/// divides the optimizer's state. Nothing is recorded that neither the reference nor the stored
/// program knows. Counts elements of the expected tensors. The log tells every op of the segments
/// that ran, all that each read and wrote, and no step that the scenario does not have.
Tally check_coverage(const JudgeContext& context);

}  // namespace shardproof::reports
