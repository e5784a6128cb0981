#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// Too good is wrong, too: what stands still although the reference moves. From one step to the
/// next, of each parameter its weights and its master, whose update must show, and its gradient, if
/// the two steps have unlike batches. What a rank holds of one, and has the very bits of the step
/// before, fails if the reference's element that moves furthest moves by more than two spacings of
/// the recorded format, at the largest element: an update would have to be wrong by half of itself
/// to round to nothing.
///
/// Statistical: how far an engine's update may be from the reference's is not known beforehand. Of
/// an execution that recorded its ops each update is judged by itself; one that recorded datasets
/// alone has this. A gradient of zeros, and the weights that it does not move, are left to their
/// ops. The reference skips no step: it is asked up to the first that an engine skipped.
Tally check_progress(const JudgeContext& context);

}  // namespace shardproof::reports
