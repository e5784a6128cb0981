#pragma once

#include "reports/verdict/findings.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Part of the check `optimizer`: a step that was skipped changed nothing on any rank, and was
/// expected to be skipped. (That it had to be skipped is what the unit of its flag says.)
void check_skipping(const JudgeContext& context, const RecordedTrace& trace, Tally& tally,
                    Findings& findings);

}  // namespace shardproof::reports
