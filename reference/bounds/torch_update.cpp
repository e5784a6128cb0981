// As bitwise.cpp, what an IEEE machine computes. A fused multiply-add is computed in its own
// format: in fp64 the sum behind the product would be rounded twice.
#include "reference/bounds/torch_update.hpp"

#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

class Rounding {
 public:
  explicit Rounding(const UnitCall& unit) : dtype_(unit.precision.compute) {}
  double operator()(double x) const { return round_once(dtype_, x); }
  double fma(double a, double b, double c) const {
    if (dtype_ == Dtype::fp64) return std::fma(a, b, c);
    return std::fma(static_cast<float>(a), static_cast<float>(b), static_cast<float>(c));
  }

 private:
  Dtype dtype_;
};

template <class Function>
UnitResult map_elements(const UnitCall& unit, std::size_t tensors, Function function) {
  for (std::size_t i = 1; i < tensors; ++i)
    SHARDPROOF_EXPECTS(unit.arguments[i].values.size() == unit.arguments[0].values.size(), i,
                       unit.arguments[i].values.size());
  UnitResult result = bitwise_result(unit.arguments[0].shape);
  for (std::size_t i = 0; i < result.value.size(); ++i)
    result.value[i] = round_once(unit.precision.output, function(i));
  return result;
}

// A coefficient's fp64 operand, which is not rounded before it is used.
double fp64_scalar(const UnitCall& unit, std::size_t index) {
  SHARDPROOF_EXPECTS(unit.arguments[index].values.size() == 1, index);
  return unit.arguments[index].values[0];
}

}  // namespace

UnitResult replay_torch_exp_avg(const UnitCall& unit) {
  const auto m = unit.arguments[0].values, g = unit.arguments[1].values;
  const Rounding r(unit);
  const double weight = r(1 - unit.attributes.factor);
  return map_elements(unit, 2, [&](std::size_t i) {
    const double way = r(g[i] - m[i]);
    return weight < 0.5 ? r.fma(weight, way, m[i]) : r.fma(r(weight - 1), way, g[i]);
  });
}

UnitResult replay_torch_exp_avg_sq(const UnitCall& unit) {
  const auto v = unit.arguments[0].values, g = unit.arguments[1].values;
  const Rounding r(unit);
  const double beta = r(unit.attributes.factor), weight = r(1 - unit.attributes.factor);
  return map_elements(unit, 2,
                      [&](std::size_t i) { return r.fma(r(weight * g[i]), g[i], r(beta * v[i])); });
}

UnitResult replay_torch_adamw(const UnitCall& unit) {
  const auto p = unit.arguments[0].values, m = unit.arguments[1].values,
             v = unit.arguments[2].values;
  const double lr = fp64_scalar(unit, 3);
  const Rounding r(unit);
  const double kept = r(1 - lr * unit.attributes.weight_decay);
  const double step = r(-(lr / fp64_scalar(unit, 4)));
  const double root = r(fp64_scalar(unit, 5)), eps = r(unit.attributes.eps);
  return map_elements(unit, 3, [&](std::size_t i) {
    const double denominator = r(r(r(std::sqrt(v[i])) / root) + eps);
    return r(r(p[i] * kept) + r(r(step * m[i]) / denominator));
  });
}

UnitResult replay_torch_decay(const UnitCall& unit) {
  const auto g = unit.arguments[0].values, p = unit.arguments[1].values;
  const Rounding r(unit);
  const double factor = r(unit.attributes.factor);
  return map_elements(unit, 2, [&](std::size_t i) { return r.fma(factor, p[i], g[i]); });
}

}  // namespace shardproof::reference
