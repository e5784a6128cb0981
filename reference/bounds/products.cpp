// Matrix products, whole or as a sum of partial products of as many ranks (docs/bounds.md,
// "Products").
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "reference/bounds/sums.hpp"
#include "reference/ops/magnitude_product.hpp"
#include "reference/ops/product.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/vectorised.hpp"

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

SHARDPROOF_VECTORISED void narrow_magnitudes(const double* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<float>(std::fabs(from[i]));
}

FactorOf<float> narrow(const Factor& factor, std::vector<float>& magnitudes) {
  magnitudes.resize(factor.values.size());
  narrow_magnitudes(factor.values.data(), magnitudes.data(), magnitudes.size());
  return {magnitudes, factor.rows, factor.columns, factor.transposed};
}

// An upper bound of |a| |b| by fp32, of factors that are fp32 numbers. False where it says nothing,
// or too little: of what overflows, and of zero, which has no error.
bool narrow_magnitude(const Task& task, std::span<double> magnitude) {
  std::vector<float> left, right, sums(magnitude.size());
  magnitude_product(narrow(task.a, left), narrow(task.b, right), sums);
  const MagnitudeBound bound = magnitude_bound(task.a.width());
  double least = std::numeric_limits<double>::infinity(), most = 0;
  bool ordered = true;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto s = static_cast<double>(sums[i]);
    ordered &= s == s;
    least = std::min(least, s);
    most = std::max(most, s);
    magnitude[i] = (bound.factor * s + bound.absolute) * (1 + 0x1p-50);
  }
  return ordered && least > 0 && std::isfinite(most) && std::isfinite(bound.factor);
}

void magnitude_of(const Task& task, bool of_floats, std::span<double> magnitude) {
  // What fp32 saves of a small product is not worth an inflated bound.
  constexpr std::int64_t worth_it = 1 << 16;
  const bool large = task.a.height() * task.a.width() * task.b.width() >= worth_it;
  if (of_floats && large && narrow_magnitude(task, magnitude)) return;
  const std::vector<double> abs_a = magnitudes(task.a.values), abs_b = magnitudes(task.b.values);
  Factor left = task.a, right = task.b;
  left.values = abs_a;
  right.values = abs_b;
  product(left, right, magnitude);
}

/// The bounds of a product's elements as functions of S = |a| |b|: what does not depend on S is
/// computed once.
struct ProductBounds {
  double slope, offset, at_zero;                 // of any_order_sum
  double rounding = 0, underflow = 0, hops = 0;  // of with_partials
  double oracle_slope, oracle_offset;
  double largest;

  ProductBounds(const UnitPrecision& precision, double inner, double q) {
    const Arithmetic arithmetic = arithmetic_of(precision.compute);
    const double partials = as_real(precision.partials);
    const double terms = precision.partial_terms > 0 ? as_real(precision.partial_terms)
                                                     : std::ceil(inner / partials);
    slope = any_order_sum(terms, q, 1, {.u = arithmetic.u, .eta = 0, .tiny = 0, .largest = 0});
    offset = partials * terms * arithmetic.eta;
    at_zero = any_order_sum(terms, q, 0, arithmetic);
    if (precision.partials > 1) {
      const Arithmetic stored = arithmetic_of(precision.output);
      rounding = precision.output == precision.compute ? 0 : stored.u;
      underflow = partials * stored.eta;
      hops = any_order_hops(partials, 1, precision);
    }
    const Arithmetic& oracle = oracle_arithmetic(precision.compute);
    oracle_slope = (inner - 1 + (precision.compute == Dtype::fp64 ? q : 0)) * oracle.u;
    oracle_offset = inner * oracle.eta;
    largest = largest_sum(precision);
  }
};

SHARDPROOF_VECTORISED bool bound_all(const ProductBounds how, const double* magnitude,
                                     double* bound, double* error, std::size_t count) {
  std::uint64_t overflows = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double S = magnitude[i];
    const double of_terms = how.slope * S + how.offset;
    const double stored = of_terms + how.rounding * (S + of_terms) + how.underflow;
    const double added = stored + how.hops * (S + stored);
    bound[i] = S == 0 ? how.at_zero : added;
    error[i] = how.oracle_slope * S + how.oracle_offset;
    overflows |= static_cast<std::uint64_t>(S + bound[i] > how.largest);
  }
  return overflows != 0;
}

// `magnitude` = |a| |b|, in the result's layout.
void bound_product(const UnitCall& unit, double inner, double q, std::span<const double> magnitude,
                   UnitResult& result) {
  const ProductBounds how(unit.precision, inner, q);
  if (!bound_all(how, magnitude.data(), result.bound.data(), result.error.data(), magnitude.size()))
    return;
  for (std::size_t i = 0; i < magnitude.size(); ++i)
    if (magnitude[i] + result.bound[i] > how.largest) note_overflow(result, i);
}

UnitResult replay_products(const UnitCall& unit, Shape shape, std::span<const Task> tasks) {
  UnitResult result = bounded_result(std::move(shape));
  std::vector<double> magnitude(result.value.size());
  const auto a = unit.arguments[0].values, b = unit.arguments[1].values;
  const double q = product_rounding(unit.precision.compute, a, b);
  const bool of_floats =
      unit.precision.compute == Dtype::fp32 &&
      (q == 0 || (all_representable(Dtype::fp32, a) && all_representable(Dtype::fp32, b)));
  for (const Task& task : tasks) {
    const auto size = static_cast<std::size_t>(task.a.height() * task.b.width());
    product(task.a, task.b, std::span(result.value).subspan(task.at, size));
    magnitude_of(task, of_floats, std::span(magnitude).subspan(task.at, size));
  }
  bound_product(unit, as_real(tasks[0].a.width()), q, magnitude, result);
  settle(result);
  return result;
}

std::int64_t columns(const Operand& x) { return x.shape.back(); }
Factor matrix(const Operand& x, bool transposed = false) {
  return {x.values, leading_rows(x), columns(x), transposed};
}
/// A weight as the matrix (I, O), or transposed.
Factor weight_matrix(const UnitCall& unit, const Operand& weight, bool transposed) {
  const bool stored_transposed = unit.attributes.weight_layout == WeightLayout::out_in;
  return matrix(weight, stored_transposed != transposed);
}

Shape with_columns(Shape shape, std::int64_t extent) {
  shape.back() = extent;
  return shape;
}

}  // namespace

UnitResult replay_matmul(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const Task task{matrix(x), weight_matrix(unit, unit.arguments[1], false), 0};
  return replay_products(unit, with_columns(x.shape, task.b.width()), {&task, 1});
}

UnitResult replay_matmul_backward_input(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Task task{matrix(dy), weight_matrix(unit, unit.arguments[1], true), 0};
  return replay_products(unit, with_columns(dy.shape, task.b.width()), {&task, 1});
}

UnitResult replay_matmul_backward_weight(const UnitCall& unit) {
  const Operand& dy = unit.arguments[0];
  const Operand& x = unit.arguments[1];
  const std::int64_t rows = leading_rows(dy), group_rows = rows_per_group(unit, rows);
  SHARDPROOF_EXPECTS(rows == leading_rows(x), rows, leading_rows(x));
  const auto part = [&](const Operand& y, std::int64_t group, bool transposed) {
    const auto size = static_cast<std::size_t>(group_rows * columns(y));
    return Factor{y.values.subspan(static_cast<std::size_t>(group) * size, size), group_rows,
                  columns(y), transposed};
  };
  const bool out_in = unit.attributes.weight_layout == WeightLayout::out_in;
  const Operand& left = out_in ? dy : x;  // the weight's rows are its features
  const Operand& right = out_in ? x : dy;
  const Shape shape{columns(left), columns(right)};
  std::vector<Task> tasks;
  for (std::int64_t group = 0; group < std::max<std::int64_t>(unit.attributes.groups, 1); ++group)
    tasks.push_back({part(left, group, true), part(right, group, false),
                     static_cast<std::size_t>(group * element_count(shape))});
  return replay_products(unit, grouped_shape(unit, shape), tasks);
}

}  // namespace shardproof::reference
