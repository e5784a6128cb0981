#include "reference/bounds/norms.hpp"

#include <cmath>

#include "reference/bounds/norm_rows.hpp"
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

auto norms_by(const UnitCall& unit, const Operand& x, const Arithmetic& arithmetic) {
  const double q = product_rounding(unit.precision.compute, x.values, x.values);
  return [&unit, &arithmetic, q](std::span<const double> row) {
    return row_norm(row, unit.attributes.eps, q, arithmetic);
  };
}

void expect_whole_rows(const Operand& x, std::size_t H) {
  SHARDPROOF_EXPECTS(H > 0 && x.shape.back() % static_cast<std::int64_t>(H) == 0,
                     to_string(x.shape), H);
}

}  // namespace

namespace {

/// offset + weight, and the roundings in it.
struct ShiftedWeight {
  std::vector<double> values;
  double roundings;

  ShiftedWeight(const Operand& weight, double offset)
      : values(weight.values.begin(), weight.values.end()), roundings(offset == 0 ? 0 : 1) {
    for (double& value : values) value += offset;
  }
};

}  // namespace

UnitResult replay_rms_norm(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const ShiftedWeight shifted(unit.arguments[1], unit.attributes.offset);
  const std::vector<double>& weight = shifted.values;
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const std::size_t H = weight.size();
  expect_whole_rows(x, H);
  UnitResult result = bounded_result(x.shape);
  const double products = 2 + shifted.roundings;
  for_each_row(x, H, result, norms_by(unit, x, arithmetic), [&](auto at, auto row, auto& norm) {
    const double relative = compounded(norm.rho + products * arithmetic.u);
    for (std::size_t c = 0; c < H; ++c) {
      const double y = row[c] * norm.R * weight[c];
      result.value[at + c] = y;
      result.bound[at + c] = std::fabs(y) * relative + arithmetic.eta * (1 + std::fabs(weight[c]));
    }
    if (norm.overflow) allow_zero_row(result, at, H);
  });
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

namespace {

/// One row of dx = R (g - X mean(g X)). The difference may cancel: each side has its own error.
struct InputRow {
  std::span<const double> dy, x, weight;
  double roundings;  // in the weight
  RowNorm norm;
  const Arithmetic& arithmetic;

  // Returns whether the sum of g X may leave the range: what it is subtracted from is then infinite
  // or NaN.
  bool write(double* value, double* bound) const {
    const auto H = static_cast<double>(x.size());
    double sum = 0, magnitude = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double gX = dy[c] * weight[c] * x[c] * norm.R;
      sum += gX;
      magnitude += std::fabs(gX);
    }
    const double u = arithmetic.u;
    const double of_g = compounded(norm.rho + (4 + roundings) * u);
    const double of_mean = magnitude / H * compounded((H - 1 + 9 + roundings) * u + 3 * norm.rho);
    const double underflow = arithmetic.eta * (H + norm.R + 2);
    for (std::size_t c = 0; c < x.size(); ++c) {
      const double g = dy[c] * weight[c], X = x[c] * norm.R;
      value[c] = norm.R * (g - X * (sum / H));
      bound[c] = norm.R * (std::fabs(g) * of_g + std::fabs(X) * of_mean) +
                 underflow * (1 + norm.R) * (1 + std::fabs(X));
    }
    return magnitude * (1 + H * arithmetic.u) > arithmetic.largest;
  }
};

}  // namespace

UnitResult replay_rms_norm_backward_input(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const ShiftedWeight weight(unit.arguments[2], unit.attributes.offset);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  const std::size_t H = weight.values.size();
  expect_whole_rows(x, H);
  SHARDPROOF_EXPECTS(dy.values.size() == x.values.size(), dy.values.size(), x.values.size());
  UnitResult result = bounded_result(x.shape);
  for_each_row(x, H, result, norms_by(unit, x, arithmetic), [&](auto at, auto row, auto& norm) {
    const InputRow input{dy.values.subspan(at, H), row,  weight.values,
                         weight.roundings,         norm, arithmetic};
    if (input.write(result.value.data() + at, result.bound.data() + at))
      note_overflows(result, at, H);
    if (norm.overflow) allow_zero_row(result, at, H);
  });
  set_errors(result, arithmetic);
  settle(result);
  return result;
}

UnitResult replay_rms_norm_backward_weight(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
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
  for_each_row(x, H, result, norms_by(unit, x, arithmetic), [&](auto at, auto row, auto& norm) {
    const double relative = compounded((n - 1 + 2) * arithmetic.u + norm.rho);
    const std::size_t to = at / H / rows * H;
    for (std::size_t c = 0; c < H; ++c) {
      const double gradient = dy.values[at + c];
      const double term = gradient * (row[c] * norm.R);
      result.value[to + c] += term;
      magnitude[to + c] += std::fabs(term);
      result.bound[to + c] += std::fabs(term) * (norm.overflow ? 1 + relative : relative) +
                              arithmetic.eta * (1 + std::fabs(gradient));
    }
  });
  set_errors(result, arithmetic);
  // Heads that are cut over ranks: each rank sums over its own.
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    result.bound[i] = with_partials(result.bound[i], magnitude[i], unit.precision);
    if (magnitude[i] + result.bound[i] > largest) note_overflow(result, i);
  }
  settle(result);
  return result;
}

}  // namespace shardproof::reference
