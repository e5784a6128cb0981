#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "reports/units/evidence.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// Why the first wrong tensor is wrong (docs/causes.md). What is certain comes first, since its
/// bits are found elsewhere; then what explains every element that is looked at, that with the
/// fewest free numbers first; then what explains half of the wrong elements at least; else
/// `unexplained`. Nothing where neither a number nor a hash is known.
///
/// `sequence`: of the op that failed, in the order of its rank. `evidence` may be nullptr.
std::optional<Cause> likely_cause(const JudgeContext& context, const FirstDivergence& divergence,
                                  std::int64_t sequence, std::shared_ptr<const Evidence> evidence);

}  // namespace shardproof::reports
