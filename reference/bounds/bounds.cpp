#include "reference/bounds/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "scenarios/errors.hpp"

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

bool representable(Dtype dtype, std::span<const double> values) {
  if (dtype == Dtype::fp64) return true;
  // A bf16 number is a float whose lower 16 bits are zero, hence the detour by float.
  return std::all_of(values.begin(), values.end(), [dtype](double value) {
    const auto narrow = static_cast<float>(value);
    if (static_cast<double>(narrow) != value) return false;
    if (dtype == Dtype::bf16) return float_from_bf16(bf16_from_float(narrow)) == narrow;
    return dtype == Dtype::fp32 || round_to(dtype, value) == value;
  });
}

double product_rounding(Dtype compute, std::span<const double> a, std::span<const double> b) {
  const auto exact_from = [&](Dtype narrow) {
    return representable(narrow, a) && representable(narrow, b);
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

void settle(UnitResult& result) {
  constexpr double inflation = 1 + 0x1p-20;
  if (result.bound.empty()) return;
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    result.bound[i] *= inflation;
    result.error[i] *= inflation;
    if (std::isfinite(result.value[i]) && !std::isfinite(result.bound[i] + result.error[i]))
      result.sound = false;
  }
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
