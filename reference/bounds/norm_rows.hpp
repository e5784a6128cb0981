#pragma once

#include <algorithm>
#include <cmath>

#include "reference/bounds/sums.hpp"

/// What RMSNorm and LayerNorm have in common: rows of H elements, each with moments of its own.
namespace shardproof::reference {

/// Calls write(place of the row's first element, the row, its moments) for every row of x. Where a
/// sum over a row may leave the accumulator's range, there is no sound bound. In a step that is
/// skipped there is one: R is then what it is or 0, which who writes must have in its bound.
template <typename MomentsOf, typename Write>
void for_each_row(const Operand& x, std::size_t H, UnitResult& result, MomentsOf moments_of,
                  Write write) {
  for (std::size_t at = 0; at < x.values.size(); at += H) {
    const std::span<const double> row = x.values.subspan(at, H);
    const auto moments = moments_of(row);
    if (moments.overflow) result.sound = false;
    write(at, row, moments);
  }
}

/// Of H elements that are a multiple of R: 0 is among what they may be, and so is 0 * inf.
inline void allow_zero_row(UnitResult& result, std::size_t at, std::size_t H) {
  note_overflows(result, at, H);
  for (std::size_t i = at; i < at + H; ++i)
    result.bound[i] = std::max(result.bound[i], std::fabs(result.value[i]));
}

/// The oracle does the same in fp64: its error is at most the same formula times 2^-53 / u.
inline void set_errors(UnitResult& result, const Arithmetic& arithmetic) {
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
}

}  // namespace shardproof::reference
