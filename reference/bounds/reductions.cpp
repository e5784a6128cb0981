// Sums and means over the leading axis: recorded contributions of ranks, micro-steps or consumers.
// Two contributions are one addition, and replayed; more have no known order.
#include <cmath>
#include <limits>
#include <vector>

#include "reference/bounds/sums.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

struct Stack {
  std::int64_t layers;   // n: contributions
  std::size_t elements;  // of each
  Shape shape;
};

Stack stack_of(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  SHARDPROOF_EXPECTS(!x.shape.empty() && x.shape[0] > 0, to_string(x.shape));
  return {x.shape[0], x.values.size() / static_cast<std::size_t>(x.shape[0]),
          Shape(x.shape.begin() + 1, x.shape.end())};
}

// Value, bound and error of the sum of the stack's terms, as they are added; bitwise for one or
// two. term(t) gives the t-th of them.
template <class Term>
UnitResult sum_of(const UnitCall& unit, const Stack& stack, Term term) {
  const UnitPrecision& precision = unit.precision;
  UnitResult result = stack.layers <= 2 ? bitwise_result(stack.shape) : bounded_result(stack.shape);
  std::vector<double> magnitude(stack.layers <= 2 ? 0 : stack.elements);
  for (std::int64_t t = 0; t < stack.layers; ++t) {
    const std::vector<double> terms = term(t);
    for (std::size_t i = 0; i < stack.elements; ++i)
      result.value[i] = t == 0 ? terms[i] : result.value[i] + terms[i];
    for (std::size_t i = 0; i < magnitude.size(); ++i) magnitude[i] += std::fabs(terms[i]);
  }
  if (stack.layers <= 2) {
    if (stack.layers == 2) round_all(precision.hop, result.value);
    round_all(precision.output, result.value);
    return result;
  }
  const double n = as_real(stack.layers);
  const double largest = arithmetic_of(precision.hop).largest;
  for (std::size_t i = 0; i < stack.elements; ++i) {
    result.bound[i] = any_order_hops(n, magnitude[i], precision);
    result.error[i] = (n - 1) * oracle_arithmetic().u * magnitude[i];
    if (magnitude[i] + result.bound[i] > largest) note_overflow(result, i);
  }
  return result;
}

// (sum, rounded to the output) * RN(1/n): the interval goes through both roundings. The sum may
// leave the range of the output although the mean lies in it, and stays infinite then.
void multiply_after(const UnitCall& unit, double n, UnitResult& sum) {
  const UnitPrecision& precision = unit.precision;
  const double factor = round_once(precision.compute, 1 / n);
  if (sum.bound.empty()) {
    for (double& value : sum.value) value *= factor;
    return store_all(precision, sum.value);
  }
  const Arithmetic stored = arithmetic_of(precision.output);
  const Arithmetic arithmetic = arithmetic_of(precision.compute);
  const Arithmetic& oracle = oracle_arithmetic(precision.compute);
  const bool rounds_twice = precision.compute != precision.output;
  for (std::size_t i = 0; i < sum.value.size(); ++i) {
    const double size = std::fabs(sum.value[i]) + sum.bound[i];
    const double least = std::fabs(sum.value[i]) - sum.bound[i] - sum.error[i];
    if (std::isinf(round_once(precision.output, size + sum.error[i]))) note_overflow(sum, i);
    if (least > 0 && std::isinf(round_once(precision.output, least))) {
      sum.value[i] = std::copysign(std::numeric_limits<double>::infinity(), sum.value[i]);
      sum.bound[i] = sum.error[i] = 0;
      continue;
    }
    double bound = factor * (sum.bound[i] + stored.u * size + stored.eta);
    if (rounds_twice) bound += arithmetic.u * (factor * size + bound) + arithmetic.eta;
    sum.value[i] *= factor;
    sum.bound[i] = bound;
    sum.error[i] = factor * sum.error[i] + oracle.u * factor * size + oracle.eta;
  }
}

std::vector<double> layer(const UnitCall& unit, const Stack& stack, std::int64_t t) {
  const auto values = unit.arguments[0].values.subspan(static_cast<std::size_t>(t) * stack.elements,
                                                       stack.elements);
  return {values.begin(), values.end()};
}

}  // namespace

UnitResult replay_sum(const UnitCall& unit) {
  const Stack stack = stack_of(unit);
  UnitResult result = sum_of(unit, stack, [&](std::int64_t t) { return layer(unit, stack, t); });
  settle(result);
  return result;
}

UnitResult replay_mean(const UnitCall& unit) {
  const Stack stack = stack_of(unit);
  const double n = as_real(stack.layers);
  const bool divide = unit.attributes.mean_form == MeanForm::divide_before;
  UnitResult result = sum_of(unit, stack, [&](std::int64_t t) {
    std::vector<double> terms = layer(unit, stack, t);
    if (divide) {
      for (double& term : terms) term /= n;
      store_all(unit.precision, terms);
    }
    // What travels in another dtype is rounded to it first, and the sum back.
    if (n != 1) round_all(unit.precision.hop, terms);
    return terms;
  });
  if (!divide) multiply_after(unit, n, result);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
