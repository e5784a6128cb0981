#pragma once

#include "reports/units/unit_memo.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/suspects.hpp"
#include "reports/verdict/tally.hpp"
#include "reports/verdict/tensor_table.hpp"

namespace shardproof::reports {

/// What one walk over the executed ops of an execution finds.
struct WalkFindings {
  Tally edges{"edges", Proof::bitwise};            // bytes read = bytes that their producer wrote
  Tally continuity{"continuity", Proof::bitwise};  // the same, of state, from one step to the next
  Tally plan_units{"plan_units",
                   Proof::bitwise};  // each op, judged from its own inputs on its rank
  Suspects suspects;
};

/// Walks all ranks of an execution side by side, in the order of their logs, and holds for each
/// value the bytes that were last written: from the trace where they are stored, else derived (what
/// only moves bits) and confirmed by the logged hash. Reductions are replayed from the members'
/// inputs.
void walk_units(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo,
                WalkFindings& findings, TensorTable& table);

}  // namespace shardproof::reports
