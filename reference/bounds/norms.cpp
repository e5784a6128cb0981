#include "reference/bounds/norms.hpp"

#include <cmath>

#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// What a row's norm is, and how far a kernel's may be from it.
struct RowNorm {
  double R;
  double rho;     // bound on the relative error of the computed R
  bool overflow;  // the sum of squares may leave the accumulator's range
};

/// rho = (h + q + 3) u / 2 + c_rsqrt u + underflow, h = H - 1: the order of the sum is not
/// declared. The sum, the division and eps act on the square, hence the half.
RowNorm row_norm(std::span<const double> x, double eps, double q, const Arithmetic& arithmetic) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const auto H = static_cast<double>(x.size());
  const double size = squares + H * eps;
  return {.R = 1 / std::sqrt(squares / H + eps),
          .rho = (H - 1 + q + 3) * arithmetic.u / 2 + LibraryError::reciprocal_sqrt * arithmetic.u +
                 H * arithmetic.eta / 4 / size,
          .overflow = squares * (1 + H * arithmetic.u) > arithmetic.largest};
}

/// The oracle does the same sums in fp64: its error is the same formula with u = 2^-53.
double oracle_share(const Arithmetic& arithmetic) { return oracle_arithmetic().u / arithmetic.u; }

void set_errors(UnitResult& result, const Arithmetic& arithmetic) {
  const double share = oracle_share(arithmetic);
  for (std::size_t i = 0; i < result.bound.size(); ++i) result.error[i] = result.bound[i] * share;
}

void expect_whole_rows(const Operand& x, std::size_t H) {
  SHARDPROOF_EXPECTS(H > 0 && x.shape.back() % static_cast<std::int64_t>(H) == 0,
                     to_string(x.shape), H);
}

}  // namespace

UnitResult replay_rms_norm(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const auto weight = unit.arguments[1].values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double q = product_rounding(unit.precision.compute, x.values, x.values);
  const std::size_t H = weight.size();
  expect_whole_rows(x, H);
  UnitResult result = bounded_result(x.shape);
  for (std::size_t row = 0; row < x.values.size(); row += H) {
    const RowNorm norm = row_norm(x.values.subspan(row, H), unit.attributes.eps, q, arithmetic);
    if (norm.overflow) result.sound = false;
    const double relative = compounded(norm.rho + 2 * arithmetic.u);
    for (std::size_t c = 0; c < H; ++c) {
      const double y = x.values[row + c] * norm.R * weight[c];
      result.value[row + c] = y;
      result.bound[row + c] = std::fabs(y) * relative + arithmetic.eta * (1 + std::fabs(weight[c]));
    }
  }
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

namespace {

/// One row of dx = R (g - X mean(g X)). The difference may cancel: each side has its own error.
struct InputRow {
  std::span<const double> dy, x, weight;
  RowNorm norm;
  const Arithmetic& arithmetic;

  void write(double* value, double* bound, bool& sound) const {
    const auto H = static_cast<double>(x.size());
    double sum = 0, magnitude = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double gX = dy[c] * weight[c] * x[c] * norm.R;
      sum += gX;
      magnitude += std::fabs(gX);
    }
    if (magnitude * (1 + H * arithmetic.u) > arithmetic.largest) sound = false;
    const double u = arithmetic.u;
    const double of_g = compounded(norm.rho + 4 * u);
    const double of_mean = magnitude / H * compounded((H - 1 + 9) * u + 3 * norm.rho);
    const double underflow = arithmetic.eta * (H + norm.R + 2);
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double g = dy[c] * weight[c], X = x[c] * norm.R;
      value[c] = norm.R * (g - X * (sum / H));
      bound[c] = norm.R * (std::fabs(g) * of_g + std::fabs(X) * of_mean) +
                 underflow * (1 + norm.R) * (1 + std::fabs(X));
    }
  }
};

}  // namespace

UnitResult replay_rms_norm_backward_input(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const auto weight = unit.arguments[2].values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double q = product_rounding(unit.precision.compute, x.values, x.values);
  const std::size_t H = weight.size();
  expect_whole_rows(x, H);
  SHARDPROOF_EXPECTS(dy.values.size() == x.values.size(), dy.values.size(), x.values.size());
  UnitResult result = bounded_result(x.shape);
  for (std::size_t row = 0; row < x.values.size(); row += H) {
    const auto of_row = x.values.subspan(row, H);
    const RowNorm norm = row_norm(of_row, unit.attributes.eps, q, arithmetic);
    if (norm.overflow) result.sound = false;
    const InputRow input{dy.values.subspan(row, H), of_row, weight, norm, arithmetic};
    input.write(result.value.data() + row, result.bound.data() + row, result.sound);
  }
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

UnitResult replay_rms_norm_backward_weight(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const double q = product_rounding(unit.precision.compute, x.values, x.values);
  const std::int64_t width = unit.attributes.extent > 0 ? unit.attributes.extent : x.shape.back();
  const auto H = static_cast<std::size_t>(width);
  expect_whole_rows(x, H);
  const std::size_t count = x.values.size() / H;
  SHARDPROOF_EXPECTS(dy.values.size() == x.values.size(), dy.values.size(), x.values.size());
  const auto rows =
      static_cast<std::size_t>(rows_per_group(unit, static_cast<std::int64_t>(count)));
  UnitResult result = bounded_result(grouped_shape(unit, {width}));
  std::vector<double> magnitude(result.value.size());
  const auto n = static_cast<double>(rows);
  const double largest = largest_sum(unit.precision);
  for (std::size_t row = 0; row < count; ++row) {
    const RowNorm norm = row_norm(x.values.subspan(row * H, H), unit.attributes.eps, q, arithmetic);
    if (norm.overflow) result.sound = false;
    const double relative = compounded((n - 1 + 2) * arithmetic.u + norm.rho);
    const std::size_t to = row / rows * H;
    for (std::size_t c = 0; c < H; ++c) {
      const double gradient = dy.values[row * H + c];
      const double term = gradient * (x.values[row * H + c] * norm.R);
      result.value[to + c] += term;
      magnitude[to + c] += std::fabs(term);
      result.bound[to + c] +=
          std::fabs(term) * relative + arithmetic.eta * (1 + std::fabs(gradient));
      if (std::fabs(term) > largest / n) result.sound = false;
    }
  }
  set_errors(result, arithmetic);
  // Heads that are cut over ranks: each rank sums over its own.
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    result.bound[i] = with_partials(result.bound[i], magnitude[i], unit.precision);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
