#include <algorithm>
#include <cmath>
#include <numbers>

#include "reference/bounds/pointwise.hpp"
#include "reference/ops/ops.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// Absolute error, in u, of the share of a frequency that yarn slows: (i - first) / (last - first).
/// Between whole pairs, and what the ends are held to, it is the rounding of one quotient. Else an
/// end is off by three roundings of a logarithm's argument, and of the logarithms and what follows
/// by 4 of its size; at the ramp's ends, where the branches meet, the share is continuous.
double yarn_share_error(std::int64_t pairs, const RotaryFrequencies& how) {
  if (how.truncate) return 3;
  const auto r = as_real(2 * pairs);
  const auto place = [&](double turns) {
    return r * std::log(how.original_positions / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(how.theta));
  };
  const auto error = [&](double turns) {
    return 3 * r / (2 * std::fabs(std::log(how.theta))) + 4 * std::fabs(place(turns));
  };
  const double first = std::max(place(how.high), 0.0), last = std::min(place(how.low), r - 1);
  const double length = first == last ? 0.001 : std::fabs(last - first);
  return 2 * (error(how.high) + error(how.low)) / length + 3;
}

/// Relative error, in u, of what cos and sin are multiplied by: of logarithms, whose terms add up
/// without cancelling, their quotient or root, and the product. Exact where it is 1, or given.
double magnitude_error(const RotaryFrequencies& how, double magnitude) {
  if (magnitude == 1) return 0;
  return how.attention_factor > 0 ? 1 : 10;
}

/// Relative error, in u, of a frequency computed in fp64. The exponent of theta is rounded once,
/// which theta^y magnifies by ln theta^y; pow and what follows add at most 4. Where llama3 goes
/// over from one frequency to the other, the share of either is off by the error of X /
/// (high - low), X the turns in a training text; so is the choice of the branch at its ends, where
/// the branches meet.
double frequency_error(std::int64_t i, std::int64_t pairs, const RotaryFrequencies& how) {
  const double exponent = as_real(i) / as_real(pairs);
  const double plain = std::fabs(exponent * std::log(how.theta)) + 4;
  if (how.scaling == RotaryScaling::none) return plain;
  if (how.scaling == RotaryScaling::linear || how.scaling == RotaryScaling::longrope)
    return plain + 1;
  if (how.scaling == RotaryScaling::yarn)
    return plain + 5 + yarn_share_error(pairs, how) * std::max(how.factor, 1.0);
  const double frequency = std::pow(how.theta, -exponent);
  const double turns = how.original_positions * frequency / (2 * std::numbers::pi);
  const bool between = 0.99 * how.low <= turns && turns <= 1.01 * how.high;
  // The mixed frequency is at least frequency / factor: the error is taken relative to that.
  const double share = between ? turns * (plain + 5) / (how.high - how.low) + 3 : 0;
  return plain + 5 + share * std::max(how.factor, 1.0);
}

}  // namespace

UnitResult replay_rotary_table(const UnitCall& unit) {
  const std::int64_t pairs = unit.attributes.head_dim / 2, positions = unit.attributes.extent;
  SHARDPROOF_EXPECTS(pairs > 0 && positions > 0, pairs, positions);
  const bool cosine = unit.kind == UnitKind::rotary_table_cos;
  const RotaryFrequencies& how = unit.attributes.frequencies;
  const RotaryTables tables = rotary_tables(positions, 2 * pairs, how);
  UnitResult result = bounded_result({positions, pairs});
  result.value = cosine ? tables.cos.values : tables.sin.values;
  const double magnitude = rotary_magnitude(how);
  const double magnified = magnitude_error(how, magnitude);
  for (std::int64_t t = cosine && magnified > 0 ? 0 : 1; t < positions; ++t)
    for (std::int64_t i = 0; i < pairs; ++i) {
      // Kernel and oracle both work in fp64: bound and error are alike.
      const double angle = as_real(t) * rotary_frequency(i, 2 * pairs, how);
      const auto at = static_cast<std::size_t>(t * pairs + i);
      result.bound[at] = (angle * frequency_error(i, pairs, how) + 2 + magnified) * magnitude *
                         oracle_arithmetic().u;
      result.error[at] = result.bound[at];
    }
  settle(result);
  return result;
}

UnitResult replay_alibi_slopes(const UnitCall& unit) {
  const UnitAttributes& attributes = unit.attributes;
  const Tensor all = alibi_slopes(attributes.heads > 0 ? attributes.heads : attributes.extent);
  SHARDPROOF_EXPECTS(attributes.part + attributes.extent <= all.size(), attributes.part,
                     attributes.extent, all.size());
  UnitResult result = bounded_result({attributes.extent});
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    const double slope = all[attributes.part + static_cast<std::int64_t>(i)];
    // A kernel may take one power of two (1 ulp) or a power of the rounded ratio, as the oracle
    // does: at most n + 2 powers of a base that is off by u.
    result.value[i] = slope;
    result.bound[i] = slope * as_real(2 * all.size() + 6) * oracle_arithmetic().u;
    result.error[i] = result.bound[i];
  }
  settle(result);
  return result;
}

namespace {

// b = (1 + q) u (|x1 c| + |x2 s|): at most two products rounded, and one sum. What is not turned
// keeps its bits.
UnitResult rotated(const UnitCall& unit, double direction) {
  const Operand& x = unit.arguments[0];
  const auto cos = unit.arguments[1].values, sin = unit.arguments[2].values;
  SHARDPROOF_EXPECTS(x.shape.size() == 3 && cos.size() == sin.size(), to_string(x.shape));
  const Tensor table(unit.arguments[1].shape, {cos.begin(), cos.end()});
  const RotaryShape shape(x.shape, table, {unit.attributes.head_dim, unit.attributes.pairing});
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double q = std::max(product_rounding(unit.precision.compute, x.values, cos),
                            product_rounding(unit.precision.compute, x.values, sin));
  UnitResult result = bounded_result(x.shape);
  result.value.assign(x.values.begin(), x.values.end());
  const auto put = [&](std::int64_t at, double a, double b) {
    const auto index = static_cast<std::size_t>(at);
    result.value[index] = a + b;
    result.bound[index] =
        (1 + q) * arithmetic.u * (std::fabs(a) + std::fabs(b)) + q * arithmetic.eta;
  };
  shape.for_each_pair(x.shape[0] * x.shape[1],
                      [&](std::int64_t first, std::int64_t second, std::int64_t angle) {
                        const auto i = static_cast<std::size_t>(angle);
                        const double c = cos[i], s = direction * sin[i];
                        const double x1 = x.values[static_cast<std::size_t>(first)];
                        const double x2 = x.values[static_cast<std::size_t>(second)];
                        put(first, x1 * c, -x2 * s);
                        put(second, x2 * c, x1 * s);
                      });
  // The oracle evaluates the same formula in fp64, where u is smaller by this factor.
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
  return result;
}

}  // namespace

UnitResult replay_rotary(const UnitCall& unit) { return rotated(unit, 1); }
UnitResult replay_rotary_backward(const UnitCall& unit) { return rotated(unit, -1); }

}  // namespace shardproof::reference
