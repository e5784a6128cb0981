#include "reference/bounds_pointwise.hpp"

#include <algorithm>
#include <cmath>

#include "reference/ops.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {
// The oracle evaluates the same formula in fp64, where u is smaller by this factor.
void settle_with_oracle(UnitResult& result, const Arithmetic& arithmetic) {
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
}
}  // namespace

UnitResult replay_rotary_table(const UnitCall& unit) {
  const std::int64_t pairs = unit.attributes.head_dim / 2, positions = unit.attributes.extent;
  SHARDPROOF_EXPECTS(pairs > 0 && positions > 0, pairs, positions);
  const bool cosine = unit.kind == UnitKind::rotary_table_cos;
  const double theta = unit.attributes.theta;
  const RotaryTables tables = rotary_tables(positions, 2 * pairs, theta);
  UnitResult result = bounded_result({positions, pairs});
  result.value = cosine ? tables.cos.values : tables.sin.values;
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < pairs; ++i) {
      // The exponent is rounded once, which theta^y magnifies by ln theta^y; pow and the product
      // add at most 3 u. Kernel and oracle both do this in fp64: bound and error are alike.
      const double exponent = as_real(i) / as_real(pairs);
      const double angle = as_real(t) * std::pow(theta, -exponent);
      const double relative = std::fabs(exponent * std::log(theta)) + 4;
      const auto at = static_cast<std::size_t>(t * pairs + i);
      result.bound[at] = t == 0 ? 0 : (angle * relative + 2) * oracle_arithmetic().u;
      result.error[at] = result.bound[at];
    }
  settle(result);
  return result;
}

namespace {

// b = (1 + q) u (|x1 c| + |x2 s|): at most two products rounded, and one sum.
UnitResult rotated(const UnitCall& unit, double direction) {
  const Operand& x = unit.arguments[0];
  const auto cos = unit.arguments[1].values, sin = unit.arguments[2].values;
  SHARDPROOF_EXPECTS(x.shape.size() == 3 && cos.size() == sin.size(), to_string(x.shape));
  const auto pairs = static_cast<std::size_t>(unit.arguments[1].shape.back());
  const auto width = static_cast<std::size_t>(x.shape[2]);
  const auto length = static_cast<std::size_t>(x.shape[1]);
  SHARDPROOF_EXPECTS(width % (2 * pairs) == 0 && cos.size() >= length * pairs, width, pairs);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double q = std::max(product_rounding(unit.precision.compute, x.values, cos),
                            product_rounding(unit.precision.compute, x.values, sin));
  UnitResult result = bounded_result(x.shape);
  const auto put = [&](std::size_t at, double a, double b) {
    result.value[at] = a + b;
    result.bound[at] = (1 + q) * arithmetic.u * (std::fabs(a) + std::fabs(b)) + q * arithmetic.eta;
  };
  for (std::size_t row = 0; row < x.values.size(); row += width) {
    const std::size_t angle = row / width % length * pairs;
    for (std::size_t first = row; first < row + width; first += 2 * pairs)
      for (std::size_t i = 0; i < pairs; ++i) {
        const double c = cos[angle + i], s = direction * sin[angle + i];
        const double x1 = x.values[first + i], x2 = x.values[first + pairs + i];
        put(first + i, x1 * c, -x2 * s);
        put(first + pairs + i, x2 * c, x1 * s);
      }
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace

UnitResult replay_rotary(const UnitCall& unit) { return rotated(unit, 1); }
UnitResult replay_rotary_backward(const UnitCall& unit) { return rotated(unit, -1); }

namespace {

/// Errors below the range of relative bounds: exp(-g) overflows and sigma(g) is lost below 2^-127.
double lost(const Arithmetic& arithmetic, double g, double a, double b) {
  return arithmetic.tiny * (1 + std::fabs(g)) * (1 + std::fabs(a)) * (1 + std::fabs(b));
}

std::span<const double> same_size(const UnitCall& unit, std::size_t index) {
  const auto values = unit.arguments[index].values;
  SHARDPROOF_EXPECTS(values.size() == unit.arguments[0].values.size(), index, values.size());
  return values;
}

// gate sigma(gate) other. exp 2, 1 + e, 1 / (1 + e), and two products: 6 u.
UnitResult gated(const UnitCall& unit, std::span<const double> gate,
                 std::span<const double> other) {
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double relative = compounded((LibraryError::exp + 4) * arithmetic.u);
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < gate.size(); ++i) {
    result.value[i] = gate[i] * sigmoid(gate[i]) * other[i];
    result.bound[i] =
        std::fabs(result.value[i]) * relative + lost(arithmetic, gate[i], other[i], 0);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace

UnitResult replay_swiglu(const UnitCall& unit) {
  return gated(unit, same_size(unit, 0), same_size(unit, 1));
}

UnitResult replay_swiglu_backward_up(const UnitCall& unit) {
  return gated(unit, same_size(unit, 1), same_size(unit, 0));
}

UnitResult replay_swiglu_backward_gate(const UnitCall& unit) {
  const auto dy = same_size(unit, 0), gate = same_size(unit, 1), up = same_size(unit, 2);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  // 1 + g (1 - sigma) cancels near g = -1.278: the bound is absolute there.
  const double relative = compounded((LibraryError::exp + 8) * arithmetic.u);
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const double g = gate[i], s = sigmoid(g), upstream = dy[i] * up[i];
    result.value[i] = upstream * s * (1 + g * (1 - s));
    result.bound[i] =
        std::fabs(upstream) * s * (1 + std::fabs(g)) * relative + lost(arithmetic, g, dy[i], up[i]);
    if (std::fabs(upstream) > arithmetic.largest) result.sound = false;
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace shardproof::reference
