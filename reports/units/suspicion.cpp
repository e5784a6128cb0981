#include "reports/units/suspicion.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "reference/bounds/summation_noise.hpp"
#include "reports/compare/residual.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

using reference::UnitKind;

constexpr std::int64_t at_once = 1 << 16;  // elements

std::vector<double> row_of(const TensorView& x, std::int64_t row) {
  std::vector<double> numbers;
  x.decode({row, 1, 0, reference::matrix_of(x.shape()).columns}, numbers);
  return numbers;
}

std::vector<double> column_of(const TensorView& x, std::int64_t column, std::int64_t first_row,
                              std::int64_t rows) {
  const std::int64_t width = reference::matrix_of(x.shape()).columns;
  std::vector<double> numbers;
  // One piece of a file is read sooner than many small ones.
  if (rows * width > at_once) {
    x.decode({first_row, rows, column, 1}, numbers);
    return numbers;
  }
  x.decode({first_row, rows, 0, width}, numbers);
  for (std::int64_t row = 0; row < rows; ++row)
    numbers[static_cast<std::size_t>(row)] =
        numbers[static_cast<std::size_t>(row * width + column)];
  numbers.resize(static_cast<std::size_t>(rows));
  return numbers;
}
std::vector<double> column_of(const TensorView& x, std::int64_t column) {
  return column_of(x, column, 0, reference::matrix_of(x.shape()).rows);
}

std::vector<double> products(std::vector<double> a, const std::vector<double>& b) {
  SHARDPROOF_EXPECTS(a.size() == b.size(), a.size(), b.size());
  std::ranges::transform(a, b, a.begin(), std::multiplies<>());
  return a;
}

// x (rows, I) and a weight that is (O, I), or (I, O).
std::vector<double> terms_of_matmul(const JudgedUnit& unit, bool out_in, std::int64_t row,
                                    std::int64_t column) {
  const TensorView &x = *unit.arguments[0], &weight = *unit.arguments[1];
  return products(row_of(x, row), out_in ? row_of(weight, column) : column_of(weight, column));
}

// dy (rows, O) and the weight.
std::vector<double> terms_of_input_gradient(const JudgedUnit& unit, bool out_in, std::int64_t row,
                                            std::int64_t column) {
  return terms_of_matmul(unit, !out_in, row, column);
}

// Of each batch group: (groups, O, I), or (groups, I, O), of dy (rows, O) and x (rows, I).
std::vector<double> terms_of_weight_gradient(const JudgedUnit& unit, bool out_in, std::int64_t row,
                                             std::int64_t column) {
  const TensorView &left = *unit.arguments[out_in ? 0 : 1],
                   &right = *unit.arguments[out_in ? 1 : 0];
  const std::int64_t height = reference::matrix_of(left.shape()).columns;
  const std::int64_t groups = std::max<std::int64_t>(unit.attributes.groups, 1);
  const std::int64_t rows = reference::matrix_of(left.shape()).rows / groups;
  const std::int64_t first = row / height * rows;
  return products(column_of(left, row % height, first, rows),
                  column_of(right, column, first, rows));
}

// (groups, O) of dy (rows, O).
std::vector<double> terms_of_column_sum(const JudgedUnit& unit, std::int64_t row,
                                        std::int64_t column) {
  const TensorView& dy = *unit.arguments[0];
  const std::int64_t groups = std::max<std::int64_t>(unit.attributes.groups, 1);
  const std::int64_t rows = reference::matrix_of(dy.shape()).rows / groups;
  return column_of(dy, column, row * rows, rows);
}

// Products of fp32 numbers are exact in fp64.
std::vector<double> terms_of(const JudgedUnit& unit, std::int64_t element) {
  const std::int64_t width = reference::matrix_of(unit.result->shape()).columns;
  const std::int64_t row = element / width, column = element % width;
  const bool out_in = unit.attributes.weight_layout == WeightLayout::out_in;
  switch (unit.kind) {
    case UnitKind::matmul: return terms_of_matmul(unit, out_in, row, column);
    case UnitKind::matmul_backward_input: return terms_of_input_gradient(unit, out_in, row, column);
    case UnitKind::matmul_backward_weight:
      return terms_of_weight_gradient(unit, out_in, row, column);
    default: return terms_of_column_sum(unit, row, column);
  }
}

}  // namespace

bool is_scrutinised(const JudgedUnit& unit) {
  const reference::UnitPrecision& precision = unit.precision;
  const bool is_sum =
      unit.kind == UnitKind::matmul || unit.kind == UnitKind::matmul_backward_input ||
      unit.kind == UnitKind::matmul_backward_weight || unit.kind == UnitKind::bias_backward;
  return is_sum && precision.compute == Dtype::fp32 && precision.output != Dtype::fp64 &&
         precision.partials == 1;
}

Suspicion suspicion_of(const JudgedUnit& unit, std::int64_t element) {
  const reference::SummationNoise noise = reference::summation_noise(terms_of(unit, element));
  const double got = decoded_range(*unit.result, element, 1).front();
  // What terms like these do in orders that are known, twice: they may be no random walk.
  const double guard = 2 * noise.seen + noise.least;
  const double rest = unexplained(unit.precision.output, noise.exact, got) - guard;
  const double room = suspicious * noise.walk + guard;
  return {.element = element,
          .z = rest > 0 ? rest / noise.walk : 0,
          .expected = noise.exact,
          .got = got,
          .part = room < noise.worst ? room / noise.worst : 1};
}

}  // namespace shardproof::reports
