#include "reference/bounds/pointwise.hpp"

#include <algorithm>
#include <cmath>

#include "reference/bounds/sums.hpp"
#include "reference/ops/ops.hpp"
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
    if (std::fabs(upstream) > arithmetic.largest) note_overflow(result, i);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

// exp 2, 1 + e, 1 / (1 + e): 4 u.
UnitResult replay_sigmoid(const UnitCall& unit) {
  const auto x = unit.arguments[0].values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double relative = compounded((LibraryError::exp + 2) * arithmetic.u);
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < x.size(); ++i) {
    result.value[i] = sigmoid(x[i]);
    result.bound[i] = result.value[i] * relative + lost(arithmetic, 0, 0, 0);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

// 1 - s cancels where s is near 1: the bound is absolute there.
UnitResult replay_sigmoid_backward(const UnitCall& unit) {
  const auto dy = same_size(unit, 0), x = same_size(unit, 1);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double relative = compounded((LibraryError::exp + 5) * arithmetic.u);
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const double s = sigmoid(x[i]);
    result.value[i] = dy[i] * s * sigmoid(-x[i]);
    result.bound[i] = std::fabs(dy[i]) * s * relative + lost(arithmetic, 0, dy[i], 0);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace shardproof::reference
