#include "reference/bounds/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/vectorised.hpp"

namespace shardproof::reference {

Arithmetic arithmetic_of(Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  const double u = unit_roundoff(dtype);
  return {.u = u,
          .eta = std::ldexp(1.0, format.min_exponent - format.precision + 1),
          .tiny = std::ldexp(1.0, format.min_exponent + 1),
          .largest = std::ldexp(2.0 - 2 * u, format.max_exponent)};
}

double loss_scale(const UnitCall& unit, std::size_t index) {
  if (index >= unit.arguments.size()) return 1;
  SHARDPROOF_EXPECTS(unit.arguments[index].values.size() == 1, index);
  return unit.arguments[index].values[0];
}

double compounded(double x) {
  return x < 0.5 ? x / (1 - x) : std::numeric_limits<double>::infinity();
}

double product_rounding(Dtype compute, std::span<const double> a, std::span<const double> b) {
  const auto exact_from = [&](Dtype narrow) {
    return all_representable(narrow, a) && all_representable(narrow, b);
  };
  if (compute == Dtype::fp64) return exact_from(Dtype::fp32) ? 0 : 1;
  return exact_from(Dtype::bf16) || exact_from(Dtype::fp16) ? 0 : 1;
}

UnitResult bounded_result(Shape shape) {
  const auto n = static_cast<std::size_t>(element_count(shape));
  UnitResult result;
  result.shape = std::move(shape);
  result.value.assign(n, 0.0);
  result.bound.assign(n, 0.0);
  result.error.assign(n, 0.0);
  return result;
}

UnitResult bitwise_result(Shape shape) {
  UnitResult result;
  result.value.assign(static_cast<std::size_t>(element_count(shape)), 0.0);
  result.shape = std::move(shape);
  return result;
}

namespace {

// False where a finite value has no finite bound.
SHARDPROOF_VECTORISED bool inflate(const double* value, double* bound, double* error,
                                   std::size_t count) {
  constexpr double inflation = 1 + 0x1p-20, largest = std::numeric_limits<double>::max();
  std::uint64_t without = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bound[i] *= inflation;
    error[i] *= inflation;
    const bool bounded = std::fabs(bound[i] + error[i]) <= largest;
    without |= static_cast<std::uint64_t>((std::fabs(value[i]) <= largest) & !bounded);
  }
  return without == 0;
}

}  // namespace

void settle(UnitResult& result) {
  if (result.bound.empty()) return;
  if (!inflate(result.value.data(), result.bound.data(), result.error.data(), result.value.size()))
    result.sound = false;
}

void store_all(const UnitPrecision& precision, std::span<double> values) {
  round_all(precision.compute, values);
  round_all(precision.output, values);
}

double round_once(Dtype dtype, double value) {
  switch (dtype) {
    case Dtype::fp64:
    case Dtype::int64: return value;
    case Dtype::fp32: return static_cast<double>(static_cast<float>(value));
    case Dtype::bf16:
      if (const auto narrow = static_cast<float>(value); static_cast<double>(narrow) == value)
        return static_cast<double>(float_from_bf16(bf16_from_float(narrow)));
      return round_to(dtype, value);
    case Dtype::fp16: return round_to(dtype, value);
  }
  SHARDPROOF_EXPECTS(false, "unknown dtype");
  return value;
}

double store(const UnitPrecision& precision, double value) {
  return round_once(precision.output, round_once(precision.compute, value));
}

}  // namespace shardproof::reference
