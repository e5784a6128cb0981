#include "reference/bounds/sums.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::reference {

double any_order_sum(double n, double q, double magnitude, const Arithmetic& arithmetic) {
  if (magnitude == 0 && arithmetic.u > 0x1p-53) return 0;  // fp64 holds every product of the others
  return (n - 1 + q) * arithmetic.u * magnitude + n * arithmetic.eta;
}

double any_order_hops(double n, double magnitude, const UnitPrecision& precision) {
  const double roundings = precision.hop == precision.output ? n - 2 : n - 1;
  return std::max(roundings, 0.0) * unit_roundoff(precision.hop) * magnitude;
}

double with_partials(double bound, double magnitude, const UnitPrecision& precision) {
  if (precision.partials == 1 || magnitude == 0) return bound;
  // A partial kept in the compute dtype has no rounding beyond its own.
  const Arithmetic stored = arithmetic_of(precision.output);
  const double v = precision.output == precision.compute ? 0 : stored.u;
  const double partials = as_real(precision.partials);
  bound += v * (magnitude + bound) + partials * stored.eta;
  return bound + any_order_hops(partials, magnitude + bound, precision);
}

void note_overflow(UnitResult& result, std::size_t element) {
  result.may_overflow.resize(result.value.size());
  result.may_overflow[element] = true;
}

void note_overflows(UnitResult& result, std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) note_overflow(result, i);
}

double largest_sum(const UnitPrecision& precision) {
  const double largest = arithmetic_of(precision.compute).largest;
  if (precision.partials == 1) return largest;
  return std::min(
      {largest, arithmetic_of(precision.output).largest, arithmetic_of(precision.hop).largest});
}

std::int64_t rows_per_group(const UnitCall& unit, std::int64_t rows) {
  const std::int64_t groups = std::max<std::int64_t>(unit.attributes.groups, 1);
  SHARDPROOF_EXPECTS(rows % groups == 0, rows, groups);
  return rows / groups;
}

Shape grouped_shape(const UnitCall& unit, Shape shape) {
  if (unit.attributes.groups > 0) shape.insert(shape.begin(), unit.attributes.groups);
  return shape;
}

UnitResult replay_bias_backward(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const std::int64_t width = dy.shape.back();
  const std::int64_t rows = rows_per_group(unit, leading_rows(dy));
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  UnitResult result = bounded_result(grouped_shape(unit, {width}));
  std::vector<double> magnitude(result.value.size(), 0.0);
  for (std::size_t i = 0; i < dy.values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const auto to = static_cast<std::size_t>(at / (rows * width) * width + at % width);
    result.value[to] += dy.values[i];
    magnitude[to] += std::fabs(dy.values[i]);
  }
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    // Additions of IEEE numbers do not underflow (Hauser 1996): no eta.
    result.bound[i] = (as_real(rows) - 1) * arithmetic.u * magnitude[i];
    result.error[i] = (as_real(rows) - 1) * oracle_arithmetic().u * magnitude[i];
    if (magnitude[i] + result.bound[i] > arithmetic.largest) note_overflow(result, i);
  }
  settle(result);
  return result;
}

UnitResult replay_embedding_backward(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& tokens = unit.arguments[1];
  const std::int64_t width = dy.shape.back(), extent = unit.attributes.extent;
  const auto count = static_cast<std::int64_t>(tokens.values.size());
  SHARDPROOF_EXPECTS(element_count(dy.shape) == count * width, to_string(dy.shape), count);
  const std::optional<std::int64_t>& padding = unit.attributes.padding;
  const RowWindow& window = unit.attributes.row_window;
  const std::int64_t rows = rows_per_group(unit, count);
  UnitResult result = bounded_result(grouped_shape(unit, {extent, width}));
  std::vector<double> magnitude(result.value.size(), 0.0);
  std::vector<double> seen(result.value.size() / static_cast<std::size_t>(width), 0.0);
  for (std::int64_t t = 0; t < count; ++t) {
    const double token = tokens.values[static_cast<std::size_t>(t)];
    SHARDPROOF_EXPECTS(token >= 0 && token < as_real(window.of > 0 ? window.of : extent), token);
    if (padding && token == as_real(*padding)) continue;  // its row is exactly zero
    const auto of_window = static_cast<std::int64_t>(token) - window.first;
    if (of_window < 0 || of_window >= extent) continue;
    const auto row = static_cast<std::size_t>(t / rows * extent + of_window);
    seen[row] += 1;
    for (std::size_t c = 0; c < static_cast<std::size_t>(width); ++c) {
      const double term = dy.values[static_cast<std::size_t>(t * width) + c];
      result.value[row * static_cast<std::size_t>(width) + c] += term;
      magnitude[row * static_cast<std::size_t>(width) + c] += std::fabs(term);
    }
  }
  // Two terms of the output dtype: one correct rounding, also by way of fp32 (24 >= 2 * 8 + 2).
  const bool narrow = unit.precision.output == unit.precision.compute ||
                      all_representable(unit.precision.output, dy.values);
  const Arithmetic arithmetic = arithmetic_of(unit.precision.compute);
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    const double c = seen[i / static_cast<std::size_t>(width)];
    if (c <= 1 || (c == 2 && narrow)) continue;
    result.bound[i] = (c - 1) * arithmetic.u * magnitude[i];
    result.error[i] = (c - 1) * oracle_arithmetic().u * magnitude[i];
    if (magnitude[i] + result.bound[i] > arithmetic.largest) note_overflow(result, i);
  }
  settle(result);
  return result;
}

void SumOfSquares::add(std::span<const double> values) {
  for (const double x : values) sum_ += x * x;
  count_ += static_cast<double>(values.size());
}

UnitResult SumOfSquares::result() const {
  UnitResult result = bounded_result({});
  result.value[0] = sum_;
  result.bound[0] = any_order_sum(count_, 1, sum_, oracle_arithmetic());
  result.error[0] = result.bound[0];
  settle(result);
  return result;
}

// In fp64 whatever the parameters are (spec: the norm is accumulated in double precision).
UnitResult replay_sum_of_squares(const UnitCall& unit) {
  SumOfSquares sum;
  for (const Operand& argument : unit.arguments) sum.add(argument.values);
  return sum.result();
}

}  // namespace shardproof::reference
