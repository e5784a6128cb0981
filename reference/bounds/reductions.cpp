// Sums and means over the leading axis: recorded contributions of ranks, micro-steps or consumers.
// Two contributions are one addition, and replayed; more have no known order.
#include <cmath>

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

double add_rounded(const UnitPrecision& precision, double a, double b) {
  return round_once(precision.output, round_once(precision.hop, a + b));
}

// Value, bound and error of sum_t term(t, i); bitwise for one or two terms.
template <class Term>
UnitResult sum_of(const UnitCall& unit, const Stack& stack, Term term) {
  const UnitPrecision& precision = unit.precision;
  if (stack.layers <= 2) {
    UnitResult result = bitwise_result(stack.shape);
    for (std::size_t i = 0; i < stack.elements; ++i)
      result.value[i] = stack.layers == 1 ? round_once(precision.output, term(0, i))
                                          : add_rounded(precision, term(0, i), term(1, i));
    return result;
  }
  const double n = as_real(stack.layers);
  const double largest = arithmetic_of(precision.hop).largest;
  UnitResult result = bounded_result(stack.shape);
  for (std::size_t i = 0; i < stack.elements; ++i) {
    double magnitude = 0;
    for (std::int64_t t = 0; t < stack.layers; ++t) {
      result.value[i] += term(t, i);
      magnitude += std::fabs(term(t, i));
    }
    result.bound[i] = any_order_hops(n, magnitude, precision);
    result.error[i] = (n - 1) * oracle_arithmetic().u * magnitude;
    if (magnitude + result.bound[i] > largest) note_overflow(result, i);
  }
  return result;
}

// (sum, rounded to the output) * RN(1/n): the interval goes through both roundings.
void multiply_after(const UnitCall& unit, double n, UnitResult& sum) {
  const UnitPrecision& precision = unit.precision;
  const double factor = round_once(precision.compute, 1 / n);
  if (sum.bound.empty()) {
    for (double& value : sum.value) value = store(precision, value * factor);
    return;
  }
  const Arithmetic stored = arithmetic_of(precision.output);
  const Arithmetic arithmetic = arithmetic_of(precision.compute);
  const Arithmetic& oracle = oracle_arithmetic(precision.compute);
  const bool rounds_twice = precision.compute != precision.output;
  for (std::size_t i = 0; i < sum.value.size(); ++i) {
    const double size = std::fabs(sum.value[i]) + sum.bound[i];
    double bound = factor * (sum.bound[i] + stored.u * size + stored.eta);
    if (rounds_twice) bound += arithmetic.u * (factor * size + bound) + arithmetic.eta;
    sum.value[i] *= factor;
    sum.bound[i] = bound;
    sum.error[i] = factor * sum.error[i] + oracle.u * factor * size + oracle.eta;
  }
}

}  // namespace

UnitResult replay_sum(const UnitCall& unit) {
  const Stack stack = stack_of(unit);
  const auto values = unit.arguments[0].values;
  UnitResult result = sum_of(unit, stack, [&](std::int64_t t, std::size_t i) {
    return values[static_cast<std::size_t>(t) * stack.elements + i];
  });
  settle(result);
  return result;
}

UnitResult replay_mean(const UnitCall& unit) {
  const Stack stack = stack_of(unit);
  const auto values = unit.arguments[0].values;
  const double n = as_real(stack.layers);
  // What travels in another dtype is rounded to it first, and the sum back.
  const auto sent = [&](double x) { return n == 1 ? x : round_once(unit.precision.hop, x); };
  const bool divide = unit.attributes.mean_form == MeanForm::divide_before;
  UnitResult result = sum_of(unit, stack, [&](std::int64_t t, std::size_t i) {
    const double x = values[static_cast<std::size_t>(t) * stack.elements + i];
    return sent(divide ? store(unit.precision, x / n) : x);
  });
  if (!divide) multiply_after(unit, n, result);
  settle(result);
  return result;
}

}  // namespace shardproof::reference
