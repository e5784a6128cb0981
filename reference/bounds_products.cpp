// Matrix products, whole or as a sum of partial products of as many ranks (docs/bounds.md,
// "Products").
#include <algorithm>
#include <cmath>

#include "reference/bounds_sums.hpp"
#include "reference/matmul.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

/// One product of a unit: `at` is where its result starts in the output.
struct Task {
  Factor a;
  Factor b;
  std::size_t at;
};

std::vector<double> magnitudes(std::span<const double> values) {
  std::vector<double> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(),
                 [](double x) { return std::fabs(x); });
  return result;
}

// `magnitude` = |a| |b|, in the result's layout.
void bound_product(const UnitCall& unit, double inner, double q, std::span<const double> magnitude,
                   UnitResult& result) {
  const UnitPrecision& precision = unit.precision;
  const Arithmetic arithmetic = arithmetic_of(precision.compute);
  const Arithmetic stored = arithmetic_of(precision.output);
  const double partials = as_real(precision.partials);
  const double terms = std::ceil(inner / partials);
  // A partial kept in the compute dtype has no rounding beyond the product's own.
  const double v = precision.output == precision.compute ? 0 : stored.u;
  double largest = arithmetic.largest;
  if (precision.partials > 1)
    largest = std::min({largest, stored.largest, arithmetic_of(precision.hop).largest});
  const double oracle_q = precision.compute == Dtype::fp64 ? q : 0;
  const Arithmetic& oracle = oracle_arithmetic(precision.compute);
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    const double S = magnitude[i];
    double bound = any_order_sum(terms, q, S, arithmetic);
    if (precision.partials > 1 && S > 0) {
      bound += (partials - 1) * terms * arithmetic.eta;
      bound += v * (S + bound) + partials * stored.eta;
      bound += any_order_hops(partials, S + bound, precision);
    }
    result.bound[i] = bound;
    result.error[i] = any_order_sum(inner, oracle_q, S, oracle);
    if (S + bound > largest) result.sound = false;
  }
}

UnitResult replay_products(const UnitCall& unit, Shape shape, std::span<const Task> tasks) {
  UnitResult result = bounded_result(std::move(shape));
  std::vector<double> magnitude(result.value.size());
  const auto a = unit.arguments[0].values, b = unit.arguments[1].values;
  const double q = product_rounding(unit.precision.compute, a, b);
  for (const Task& task : tasks) {
    const auto size = static_cast<std::size_t>(task.a.height() * task.b.width());
    product(task.a, task.b, std::span(result.value).subspan(task.at, size));
    const std::vector<double> abs_a = magnitudes(task.a.values), abs_b = magnitudes(task.b.values);
    Factor left = task.a, right = task.b;
    left.values = abs_a;
    right.values = abs_b;
    product(left, right, std::span(magnitude).subspan(task.at, size));
  }
  bound_product(unit, as_real(tasks[0].a.width()), q, magnitude, result);
  settle(result);
  return result;
}

std::int64_t columns(const Operand& x) { return x.shape.back(); }
std::int64_t rows(const Operand& x) {
  return static_cast<std::int64_t>(x.values.size()) / columns(x);
}

Shape with_columns(Shape shape, std::int64_t extent) {
  shape.back() = extent;
  return shape;
}

}  // namespace

UnitResult replay_matmul(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const Operand& weight = unit.arguments[1];
  const Task task{
      {x.values, rows(x), columns(x)}, {weight.values, rows(weight), columns(weight), true}, 0};
  return replay_products(unit, with_columns(x.shape, rows(weight)), {&task, 1});
}

UnitResult replay_matmul_backward_input(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& weight = unit.arguments[1];
  const Task task{
      {dy.values, rows(dy), columns(dy)}, {weight.values, rows(weight), columns(weight)}, 0};
  return replay_products(unit, with_columns(dy.shape, columns(weight)), {&task, 1});
}

UnitResult replay_matmul_backward_weight(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  SHARDPROOF_EXPECTS(rows(dy) == rows(x), rows(dy), rows(x));
  const std::int64_t group_rows = rows_per_group(unit, rows(dy));
  const std::int64_t O = columns(dy), I = columns(x);
  const auto part = [&](const Operand& y, std::int64_t group) {
    return y.values.subspan(static_cast<std::size_t>(group * group_rows * columns(y)),
                            static_cast<std::size_t>(group_rows * columns(y)));
  };
  std::vector<Task> tasks;
  for (std::int64_t group = 0; group * group_rows < rows(dy); ++group)
    tasks.push_back({{part(dy, group), group_rows, O, true},
                     {part(x, group), group_rows, I},
                     static_cast<std::size_t>(group * O * I)});
  return replay_products(unit, grouped_shape(unit, {O, I}), tasks);
}

}  // namespace shardproof::reference
