#include <cmath>

#include "reference/bounds/norm_rows.hpp"
#include "reference/bounds/norms.hpp"
#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// A row's moments, and how far a kernel's may be from them; the formulas stand in docs/bounds.md.
struct LayerRow {
  double mean = 0;
  double R = 0;
  double dm = 0;   // bound on the error of the computed mean
  double rho = 0;  // bound on the relative error of the computed R
  bool overflow = false;

  LayerRow(std::span<const double> x, double eps, const Arithmetic& arithmetic) {
    const auto H = static_cast<double>(x.size());
    const double u = arithmetic.u;
    double size = 0, squares = 0;
    for (const double value : x) {
      mean += value;
      size += std::fabs(value);
    }
    mean /= H;
    for (const double value : x) squares += (value - mean) * (value - mean);
    const double spread = squares / H + eps;
    R = 1 / std::sqrt(spread);
    dm = size / H * compounded((H + 1) * u) + arithmetic.eta;
    // The deviations from mean + dm have the mean square sigma^2 + dm^2: no term of first order.
    const double shift = dm * dm / spread;
    const double of_spread =
        shift + compounded((H + 4) * u) * (1 + shift) + 2 * arithmetic.eta / spread;
    const double half = compounded(of_spread) / 2;
    rho = half + compounded(LibraryError::reciprocal_sqrt * u) * (1 + half);
    overflow =
        size > arithmetic.largest || (squares + H * dm * dm) * (1 + 2 * H * u) > arithmetic.largest;
  }
  double normalised(double x) const { return (x - mean) * R; }
  /// Bound on the error of a computed X = (x - mean) R.
  double error_of(double X, const Arithmetic& arithmetic) const {
    const double relative = compounded(rho + 2 * arithmetic.u);
    return R * dm * (1 + relative) + std::fabs(X) * relative + arithmetic.eta;
  }
};

auto moments_by(const UnitCall& unit, const Arithmetic& arithmetic) {
  return [&unit, &arithmetic](std::span<const double> row) {
    return LayerRow(row, unit.attributes.eps, arithmetic);
  };
}

std::size_t width_of(const Operand& x) { return static_cast<std::size_t>(x.shape.back()); }

}  // namespace

UnitResult replay_layer_norm(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const auto weight = unit.arguments[1].values, bias = unit.arguments[2].values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double u = arithmetic.u;
  const std::size_t H = width_of(x);
  SHARDPROOF_EXPECTS(weight.size() == H && bias.size() == H, weight.size(), bias.size(), H);
  UnitResult result = bounded_result(x.shape);
  for_each_row(x, H, result, moments_by(unit, arithmetic), [&](auto at, auto row, auto& moments) {
    for (std::size_t c = 0; c < H; ++c) {
      const double X = moments.normalised(row[c]);
      const double y = X * weight[c] + bias[c];
      const double of_product = std::fabs(weight[c]) * moments.error_of(X, arithmetic) * (1 + u) +
                                u * std::fabs(X * weight[c]) + arithmetic.eta;
      result.value[at + c] = y;
      result.bound[at + c] = of_product * (1 + u) + u * std::fabs(y);
      if (!moments.overflow) continue;
      // Where R is 0 the bias remains.
      note_overflow(result, at + c);
      result.bound[at + c] =
          std::max(result.bound[at + c], std::fabs(X * weight[c]) + arithmetic.eta);
    }
  });
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

namespace {

/// One row of dx = R (g - mean g - X mean(g X)), g = dy weight.
struct LayerInputRow {
  std::span<const double> dy, x, weight;
  LayerRow moments;
  const Arithmetic& arithmetic;

  // Returns whether one of the sums may leave the range: what they are subtracted from is then
  // infinite or NaN.
  bool write(double* value, double* bound) const {
    const auto H = static_cast<double>(x.size());
    const double u = arithmetic.u;
    double sum = 0, size = 0, sum_with_x = 0, size_with_x = 0, size_with_error = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double g = dy[c] * weight[c], X = moments.normalised(x[c]);
      sum += g;
      size += std::fabs(g);
      sum_with_x += g * X;
      size_with_x += std::fabs(g * X);
      size_with_error += std::fabs(g) * moments.error_of(X, arithmetic);
    }
    const double mean = sum / H, with_x = sum_with_x / H;
    const double of_sums = compounded((H + 3) * u);
    const double of_mean = size / H * of_sums + arithmetic.eta * 2;
    const double of_with_x =
        size_with_x / H * of_sums + size_with_error / H * (1 + of_sums) + arithmetic.eta * (2 + H);
    const double of_R = compounded(moments.rho + u), three = compounded(3 * u);
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double g = dy[c] * weight[c], X = moments.normalised(x[c]);
      const double dX = moments.error_of(X, arithmetic);
      const double of_product = dX * std::fabs(with_x) + (std::fabs(X) + dX) * of_with_x;
      const double sizes = std::fabs(g) + std::fabs(mean) + std::fabs(X * with_x);
      const double inner = (of_mean + of_product) * (1 + three) + three * sizes +
                           arithmetic.eta * (3 + std::fabs(X));
      const double difference = g - mean - X * with_x;
      value[c] = moments.R * difference;
      bound[c] = moments.R * (inner * (1 + of_R) + std::fabs(difference) * of_R) + arithmetic.eta;
    }
    return (size + size_with_x) * (1 + 2 * H * u) > arithmetic.largest;
  }
};

}  // namespace

UnitResult replay_layer_norm_backward_input(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const auto weight = unit.arguments[2].values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const std::size_t H = width_of(x);
  SHARDPROOF_EXPECTS(weight.size() == H && dy.values.size() == x.values.size(), H);
  UnitResult result = bounded_result(x.shape);
  for_each_row(x, H, result, moments_by(unit, arithmetic), [&](auto at, auto row, auto& moments) {
    const LayerInputRow input{dy.values.subspan(at, H), row, weight, moments, arithmetic};
    if (input.write(result.value.data() + at, result.bound.data() + at))
      note_overflows(result, at, H);
    if (moments.overflow) allow_zero_row(result, at, H);
  });
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

UnitResult replay_layer_norm_backward_weight(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const std::size_t H = width_of(x), count = x.values.size() / width_of(x);
  SHARDPROOF_EXPECTS(dy.values.size() == x.values.size(), dy.values.size(), x.values.size());
  const auto rows =
      static_cast<std::size_t>(rows_per_group(unit, static_cast<std::int64_t>(count)));
  UnitResult result = bounded_result(grouped_shape(unit, {x.shape.back()}));
  std::vector<double> magnitude(result.value.size());
  const double of_sums = compounded(static_cast<double>(rows) * arithmetic.u);
  for_each_row(x, H, result, moments_by(unit, arithmetic), [&](auto at, auto row, auto& moments) {
    const std::size_t to = at / H / rows * H;
    for (std::size_t c = 0; c < H; ++c) {
      const double gradient = dy.values[at + c];
      const double X = moments.normalised(row[c]);
      const double of_factor = std::fabs(gradient) * moments.error_of(X, arithmetic);
      result.value[to + c] += gradient * X;
      result.bound[to + c] +=
          of_factor * (1 + of_sums) + std::fabs(gradient * X) * of_sums + arithmetic.eta;
      magnitude[to + c] += std::fabs(gradient * X);
      if (!moments.overflow) continue;
      note_overflow(result, to + c);
      result.bound[to + c] += std::fabs(gradient * X);
    }
  });
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    if (magnitude[i] + result.bound[i] > arithmetic.largest) note_overflow(result, i);
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
