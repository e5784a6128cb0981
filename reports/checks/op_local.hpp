#pragma once

#include "reports/units/unit_memo.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"
#include "reports/verdict/tensor_table.hpp"

namespace shardproof::reports {

/// Judges every reference unit: inputs and output are put together to full tensors from what the
/// ranks recorded, and the oracle's own function says what the output may be. Where replicas differ
/// in bits, each rank's view is judged with that rank's copies, so that the ranks that are wrong
/// have names.
/// Failing tensors go into the table. What the memo knows already is not judged again.
Tally check_op_local(const JudgeContext& context, UnitMemo& memo, TensorTable& table);
Tally check_op_local(const JudgeContext& context, TensorTable& table);

}  // namespace shardproof::reports
