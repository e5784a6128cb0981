#pragma once

#include <optional>

#include "reports/cause/suspect.hpp"

/// Hypotheses that the unit answers itself: what it would give if its operands or its numbers were
/// others. Each holds only if every element that is looked at lies in the acceptance set of what it
/// predicts.
namespace shardproof::reports {

/// What the op read, or its numbers, by the log: another tensor, another eps. Nothing where these
/// are what they must be.
std::optional<Cause> other_operand(const Suspect& suspect);
std::optional<Cause> other_number(const Suspect& suspect);

/// The bias of the layer is in it too often, or not at all.
std::optional<Cause> bias_too_often(const Suspect& suspect);

/// An operand is missing, or has a factor: "tp".
std::optional<Cause> operand_times(const Suspect& suspect);

/// The op was applied to its own result.
std::optional<Cause> applied_twice(const Suspect& suspect);

/// A tensor times a number, in fp64, made when it is read.
SharedTensor times(const SharedTensor& tensor, double factor);
/// The unit with another operand `i`.
JudgedUnit with_argument(JudgedUnit unit, std::size_t i, SharedTensor argument);

}  // namespace shardproof::reports
