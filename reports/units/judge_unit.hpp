#pragma once

#include <span>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "reports/units/unit_memo.hpp"

namespace shardproof::reports {

/// Text that tells units of different functions or policies apart: the head of a memo key.
std::string describe(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision,
                     NonFinite non_finite = NonFinite::refused);

/// Evaluates the unit and compares the recorded output (decoded, row-major) with its acceptance
/// set.
UnitVerdict judge_unit(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                       const reference::UnitPrecision& precision,
                       std::span<const reference::Operand> arguments,
                       std::span<const double> recorded, NonFinite non_finite = NonFinite::refused);

/// The same of a unit that was evaluated already, its output stored as `storage`.
UnitVerdict judge_result(const reference::UnitResult& unit, Dtype storage,
                         std::span<const double> recorded,
                         NonFinite non_finite = NonFinite::refused);

/// Which recorded elements lie outside the acceptance set; the same rule, element by element.
std::vector<bool> failing_elements(Dtype storage, const reference::UnitResult& unit,
                                   std::span<const double> recorded,
                                   NonFinite non_finite = NonFinite::refused);

}  // namespace shardproof::reports
