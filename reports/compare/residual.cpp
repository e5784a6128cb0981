#include "reports/compare/residual.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "scenarios/errors.hpp"
#include "scenarios/vectorised.hpp"

namespace shardproof::reports {

namespace {

constexpr std::uint64_t exponent_bits = 0x7ff0000000000000;

/// Half a step of a format is its binade times 2^-precision.
struct Steps {
  double half;
  double smallest;  // the smallest binade
};

Steps steps_of(Dtype storage) {
  SHARDPROOF_EXPECTS(storage != Dtype::fp64 && storage != Dtype::int64, name_of(storage));
  const FloatFormat format = format_of(storage);
  return {std::ldexp(1.0, -format.precision), std::ldexp(1.0, format.min_exponent)};
}

inline double beyond_half_a_step(const Steps& steps, double f, double r) {
  // Numbers from 0 on are ordered as their bits are.
  const auto binade = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(r) & exponent_bits);
  const auto smallest = std::bit_cast<std::int64_t>(steps.smallest);
  return std::fabs(r - f) -
         std::bit_cast<double>(binade > smallest ? binade : smallest) * steps.half;
}

inline std::int64_t part_bits(const Steps& steps, double f, double b, double r) {
  const double part = beyond_half_a_step(steps, f, r) / b;
  const bool counts = (part > 0) & (part <= std::numeric_limits<double>::max());
  return counts ? std::bit_cast<std::int64_t>(part) : 0;
}

// Without branches: the largest part, as its bits.
SHARDPROOF_VECTORISED std::int64_t largest_part(const Steps steps, const double* f, const double* b,
                                                const double* r, std::size_t count) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t part = part_bits(steps, f[i], b[i], r[i]);
    largest = part > largest ? part : largest;
  }
  return largest;
}

}  // namespace

double unexplained(Dtype storage, double f, double r) {
  const double beyond = beyond_half_a_step(steps_of(storage), f, r);
  return beyond < 0 ? 0 : beyond;  // a NaN stays
}

Residual largest_residual(Dtype storage, std::span<const double> f, std::span<const double> b,
                          std::span<const double> r) {
  SHARDPROOF_EXPECTS(f.size() == b.size() && f.size() == r.size(), f.size(), b.size(), r.size());
  const Steps steps = steps_of(storage);
  // Which element it is, is asked of the block alone that has it.
  constexpr std::size_t block = 512;
  std::int64_t largest = 0;
  std::size_t where = 0;
  for (std::size_t first = 0; first < f.size(); first += block) {
    const std::int64_t part =
        largest_part(steps, &f[first], &b[first], &r[first], std::min(block, f.size() - first));
    if (part <= largest) continue;
    largest = part;
    where = first;
  }
  if (largest == 0) return {};
  while (part_bits(steps, f[where], b[where], r[where]) != largest) ++where;
  return {std::bit_cast<double>(largest), static_cast<std::int64_t>(where)};
}

}  // namespace shardproof::reports
