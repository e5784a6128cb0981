#include "reference/bounds/soft_cap.hpp"

#include <cmath>

#include "reference/bounds/norm_rows.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

// With z = x / cap, t = tanh z. The computed z is off by the x's error, the division and the
// rounding of the cap; the slope of tanh is at most 1, and its library error relative to t. The
// product with the cap is one more rounding, and so is the cap. The slope is 1 - t t: two roundings
// of numbers of at most 1.
CappedValue::CappedValue(double x, double off, double cap, const Arithmetic& arithmetic) {
  const double u = arithmetic.u, two = compounded(2 * u);
  const double z = x / cap, t = std::tanh(z), cosh = std::cosh(z);
  const double of_z = off / cap * (1 + two) + std::fabs(z) * two + arithmetic.eta;
  const double of_t = of_z + LibraryError::tanh * u * (std::fabs(t) + of_z);
  value = cap * t;
  error = cap * (of_t + (std::fabs(t) + of_t) * two) + arithmetic.eta;
  slope = 1 / cosh / cosh;
  slope_error = 2 * std::fabs(t) * of_t + of_t * of_t + compounded(3 * u);
}

UnitResult replay_soft_cap(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const CappedValue capped(x.values[i], 0, unit.attributes.cap, arithmetic);
    result.value[i] = capped.value;
    result.bound[i] = capped.error;
  }
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

UnitResult replay_soft_cap_backward(const UnitCall& unit) {
  const auto dy = unit.arguments[0].values, x = unit.arguments[1].values;
  SHARDPROOF_EXPECTS(dy.size() == x.size(), dy.size(), x.size());
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u;
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const CappedValue capped(x[i], 0, unit.attributes.cap, arithmetic);
    result.value[i] = dy[i] * capped.slope;
    result.bound[i] =
        std::fabs(dy[i]) * (capped.slope_error + u * (capped.slope + capped.slope_error)) +
        arithmetic.eta;
  }
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
