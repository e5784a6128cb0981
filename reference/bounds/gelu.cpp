#include "reference/ops/gelu.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reference/bounds/pointwise.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// T = tanh z or erf z at one x, and the bound eT on the error of a computed T. `kappa` bounds the
/// relative error of the computed z. The slope of T between z and a z that is off by kappa is at
/// most that at |z| (1 - kappa): sech^2 <= min(1, 4 exp(-2 |z|)), and exp(-z^2) 2 / sqrt(pi).
struct Saturating {
  double z;
  double T;
  double error;
  bool saturated;  // T is 1 or -1 exactly, in the kernel too

  Saturating(GeluForm form, double x, double u) {
    const bool of_erf = form == GeluForm::erf;
    const double kappa = compounded((of_erf ? 3 : 8) * u);
    z = of_erf ? x / std::numbers::sqrt2 : gelu_argument(form, x);
    T = of_erf ? std::erf(z) : std::tanh(z);
    const double near = std::fabs(z) * (1 - kappa);
    saturated = near >= (of_erf ? LibraryError::erf_saturates : LibraryError::tanh_saturates);
    if (saturated) {
      error = 0;
      return;
    }
    const double slope = of_erf ? 2 * std::numbers::inv_sqrtpi * std::exp(-near * near)
                                : std::min(1.0, 4 * std::exp(-2 * near));
    error = slope * std::fabs(z) * kappa +
            (of_erf ? LibraryError::erf : LibraryError::tanh) * u * std::fabs(T);
  }
};

double lost(const Arithmetic& arithmetic, double x, double dy) {
  return arithmetic.tiny * (1 + std::fabs(x)) * (1 + std::fabs(dy));
}

/// The slope of x/2 (1 + T): (1 + T)/2 + the bend of T.
struct Slope {
  double value;
  double error;  // of everything but the product with dy
};

Slope slope_of_tanh(GeluForm form, double x, double u) {
  const Saturating t(form, x, u);
  const double half = (1 + t.T) / 2;
  const double of_half = t.error / 2 + u * (1 + std::fabs(t.T));
  if (t.saturated) return {half, of_half};
  const double k = gelu_frequency(form);
  const double cubic = form == GeluForm::tanh_bloom ? 0.1070322243 : 3 * 0.044715 * k;
  const double factor = x / 2 * (k + cubic * x * x);
  const double cosh = std::cosh(t.z), falloff = 1 / (cosh * cosh);
  const double of_falloff = 2 * t.error + t.error * t.error + 3 * u;
  const double relative = compounded(9 * u);
  const double bend = factor * falloff;
  const double of_bend = std::fabs(factor) * (of_falloff * (1 + relative) + falloff * relative);
  return {half + bend, of_half + of_bend};
}

Slope slope_of_erf(double x, double u) {
  const Saturating t(GeluForm::erf, x, u);
  const double half = (1 + t.T) / 2;
  const double of_half = t.error / 2 + u * (1 + std::fabs(t.T));
  const double power = x * x / 2;
  if (power > 1000) return {half, of_half};  // exp(-power) is zero in every format
  const double bend = x * std::exp(-power) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  const double of_exp = expm1_from_above(compounded(2 * u) * power + LibraryError::exp * u);
  const double relative = compounded(4 * u);
  return {half + bend, of_half + std::fabs(bend) * (of_exp * (1 + relative) + relative)};
}

// The oracle evaluates the same formulas in fp64, where u is smaller by this factor.
void settle_with_oracle(UnitResult& result, const Arithmetic& arithmetic) {
  const double share = oracle_arithmetic().u / arithmetic.u;
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
  settle(result);
}

}  // namespace

UnitResult replay_gelu(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u;
  UnitResult result = bounded_result(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double value = x.values[i];
    const Saturating t(unit.attributes.gelu, value, u);
    const double f = value / 2 * (1 + t.T);
    result.value[i] = f;
    result.bound[i] = std::fabs(value) / 2 * (t.error + u * (std::fabs(1 + t.T) + t.error)) +
                      std::fabs(f) * compounded(3 * u) + lost(arithmetic, value, 0);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

UnitResult replay_gelu_backward(const UnitCall& unit) {
  const auto dy = unit.arguments[0].values, x = unit.arguments[1].values;
  SHARDPROOF_EXPECTS(dy.size() == x.size(), dy.size(), x.size());
  const GeluForm form = unit.attributes.gelu;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u, two = compounded(2 * u);
  UnitResult result = bounded_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const Slope slope =
        form == GeluForm::erf ? slope_of_erf(x[i], u) : slope_of_tanh(form, x[i], u);
    result.value[i] = dy[i] * slope.value;
    result.bound[i] = std::fabs(dy[i]) * (slope.error * (1 + two) + std::fabs(slope.value) * two) +
                      lost(arithmetic, x[i], dy[i]);
  }
  settle_with_oracle(result, arithmetic);
  return result;
}

}  // namespace shardproof::reference
