#pragma once

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// What a run is given is what the scenario says, bit by bit, on every rank: initial weights after
/// the declared cast (a NaN is a failure even if it is the scenario's), what a checkpoint holds,
/// token ids, the loss scale, learning rate and bias corrections of the updates that were applied,
/// every other scalar that the engine loads, zeros. By the judge's own reading of files and its own
/// count of samples (reports/witness), and not by those that the engine loads by. Counts elements.
Tally check_leaves(const JudgeContext& context);

}  // namespace shardproof::reports
