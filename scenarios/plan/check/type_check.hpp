#pragma once

#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// One reason why a program is refused.
struct TypeProblem {
  std::string op;  // full name; of a decision "decide"
  std::string message;
  const Op* at = nullptr;  // in the program; nullptr: no op's
};

/// Checks a program before anything runs. Placements are types:
///   - each op gets placements that its row of the op table accepts, and declares what they yield:
///     a partial sum is reduced exactly once before a nonlinear use, a replicate is computed alike
///     on every rank;
///   - a value is read only after it was written, in the segment or as state, and not between the
///     start of a collective and its wait; every collective is waited for once;
///   - a decision is taken on a value that is replicate on every axis.
/// An axis of one rank constrains nothing. Returns all problems, in program order; empty: well
/// typed.
std::vector<TypeProblem> type_check(const Program& program);

}  // namespace shardproof
