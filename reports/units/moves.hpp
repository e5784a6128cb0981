#pragma once

#include <span>
#include <vector>

#include "reports/values/tensor_view.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

/// True for ops whose output is their inputs' bits, moved: what they must write is derived here, by
/// the regions that each value's placement gives a rank.
bool is_move(OpKind kind);

/// What a moving op must write on `rank`, one tensor per output: views of its inputs.
std::vector<SharedTensor> moved(const Program& program, const Op& op, Rank rank,
                                std::span<const SharedTensor> inputs);

/// One after another, as a vector.
SharedTensor concatenation(std::span<const SharedTensor> tensors);

}  // namespace shardproof::reports
