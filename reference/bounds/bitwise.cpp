// Every line here is what an IEEE machine computes, operation by operation. The operands are
// numbers of the compute dtype held in fp64; an operation evaluated in fp64 and rounded to fp32
// gives the correctly rounded fp32 result (double rounding is harmless for + - * / sqrt when 53 >=
// 2 * 24 + 2: Figueroa 1995), and in fp64 it is the IEEE operation itself. No contraction to FMA:
// the build says so.
#include "reference/bounds/bitwise.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

template <class Function>
UnitResult map_first(const UnitCall& unit, Function function) {
  const Operand& x = unit.arguments[0];
  UnitResult result = bitwise_result(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i) result.value[i] = function(i, x.values[i]);
  return result;
}

// The same, stored: rounded as a kernel does.
template <class Function>
UnitResult map_stored(const UnitCall& unit, Function function) {
  UnitResult result = map_first(unit, function);
  store_all(unit.precision, result.value);
  return result;
}

std::span<const double> like_first(const UnitCall& unit, std::size_t index) {
  const auto values = unit.arguments[index].values;
  SHARDPROOF_EXPECTS(values.size() == unit.arguments[0].values.size(), index, values.size());
  return values;
}

// A one-element tensor as the kernel reads it: an fp64 scalar beside fp32 tensors is rounded once.
double scalar(const UnitCall& unit, std::size_t index) {
  SHARDPROOF_EXPECTS(unit.arguments[index].values.size() == 1, index);
  return round_once(unit.precision.compute, unit.arguments[index].values[0]);
}

}  // namespace

UnitResult replay_copy(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  UnitResult result = bitwise_result(x.shape);
  std::ranges::copy(x.values, result.value.begin());
  round_all(unit.precision.output, result.value);
  return result;
}

UnitResult replay_shift_labels(const UnitCall& unit) {
  constexpr double ignored = -100;
  const Operand& tokens = unit.arguments[0];
  SHARDPROOF_EXPECTS(!tokens.shape.empty(), "tokens need a sequence dimension");
  const auto length = static_cast<std::size_t>(tokens.shape.back());
  return map_first(unit, [&](std::size_t i, double) {
    if ((i + 1) % length == 0) return ignored;
    const double label = tokens.values[i + 1];
    const auto& padding = unit.attributes.padding;
    return padding && label == static_cast<double>(*padding) ? ignored : label;
  });
}

UnitResult replay_embedding(const UnitCall& unit) {
  const Operand& weight = unit.arguments[0];
  const Operand& tokens = unit.arguments[1];
  SHARDPROOF_EXPECTS(weight.shape.size() == 2, to_string(weight.shape));
  const auto width = static_cast<std::size_t>(weight.shape[1]);
  Shape shape = tokens.shape;
  shape.push_back(weight.shape[1]);
  UnitResult result = bitwise_result(shape);
  for (std::size_t t = 0; t < tokens.values.size(); ++t) {
    const double token = tokens.values[t];
    SHARDPROOF_EXPECTS(token >= 0 && token < as_real(weight.shape[0]), token);
    const auto row = weight.values.subspan(static_cast<std::size_t>(token) * width, width);
    std::ranges::copy(row, result.value.begin() + static_cast<std::ptrdiff_t>(t * width));
  }
  round_all(unit.precision.output, result.value);
  return result;
}

UnitResult replay_add(const UnitCall& unit) {
  const auto other = like_first(unit, 1);
  return map_stored(unit, [&](std::size_t i, double x) { return x + other[i]; });
}

UnitResult replay_relu(const UnitCall& unit) {
  return map_stored(unit, [&](std::size_t, double x) { return x <= 0 ? 0 : x; });
}

UnitResult replay_relu_backward(const UnitCall& unit) {
  const auto x = like_first(unit, 1);
  return map_stored(unit, [&](std::size_t i, double dy) { return x[i] <= 0 ? 0 : dy; });
}

UnitResult replay_product(const UnitCall& unit) {
  const auto other = like_first(unit, 1);
  return map_stored(unit, [&](std::size_t i, double x) { return x * other[i]; });
}

UnitResult replay_add_bias(const UnitCall& unit) {
  const auto bias = unit.arguments[1].values;
  SHARDPROOF_EXPECTS(!bias.empty() && unit.arguments[0].values.size() % bias.size() == 0);
  return map_stored(unit, [&](std::size_t i, double x) { return x + bias[i % bias.size()]; });
}

UnitResult replay_scale(const UnitCall& unit) {
  const double factor = round_once(unit.precision.compute, unit.attributes.factor);
  return map_stored(unit, [&](std::size_t, double x) { return x * factor; });
}

UnitResult replay_divide(const UnitCall& unit) {
  const double divisor = round_once(unit.precision.compute, unit.attributes.factor);
  return map_stored(unit, [&](std::size_t, double x) { return x / divisor; });
}

UnitResult replay_multiply(const UnitCall& unit) {
  const double factor = scalar(unit, 1);
  return map_stored(unit, [&](std::size_t, double x) { return x * factor; });
}

UnitResult replay_negate(const UnitCall& unit) {
  return map_stored(unit, [&](std::size_t, double x) { return -x; });
}

UnitResult replay_nonfinite(const UnitCall& unit) {
  UnitResult result = bitwise_result({});
  for (const Operand& argument : unit.arguments)
    if (!all_finite(argument.values)) result.value[0] = 1;
  return result;
}

UnitResult replay_square_root(const UnitCall& unit) {
  const Dtype output = unit.precision.output;
  const double scale = loss_scale(unit, 1);
  return map_first(unit,
                   [=](std::size_t, double x) { return round_once(output, std::sqrt(x) / scale); });
}

UnitResult replay_clip_factor(const UnitCall& unit) {
  const double clip = unit.attributes.factor;
  const Dtype output = unit.precision.output;
  const double scale = loss_scale(unit, 1);
  return map_first(unit, [=](std::size_t, double norm) {
    const double excess = clip == 0 ? 1.0 : (norm + 1e-6) / clip;
    // A NaN norm must stay NaN: std::max would hide it.
    return round_once(output, 1.0 / ((excess < 1.0 ? 1.0 : excess) * scale));
  });
}

UnitResult replay_exp_avg(const UnitCall& unit) {
  const auto gradient = like_first(unit, 1);
  return with_rounding_to(unit.precision.compute, [&](auto r) {
    const double beta = r(unit.attributes.factor);
    const double rest = r(1 - unit.attributes.factor);
    return map_stored(unit,
                      [&](std::size_t i, double m) { return r(beta * m) + r(rest * gradient[i]); });
  });
}

UnitResult replay_exp_avg_sq(const UnitCall& unit) {
  const auto gradient = like_first(unit, 1);
  return with_rounding_to(unit.precision.compute, [&](auto r) {
    const double beta = r(unit.attributes.factor);
    const double rest = r(1 - unit.attributes.factor);
    return map_stored(unit, [&](std::size_t i, double v) {
      return r(beta * v) + r(r(rest * gradient[i]) * gradient[i]);
    });
  });
}

UnitResult replay_adamw(const UnitCall& unit) {
  const auto m = like_first(unit, 1);
  const auto v = like_first(unit, 2);
  const double lr = scalar(unit, 3), c1 = scalar(unit, 4), c2 = scalar(unit, 5);
  return with_rounding_to(unit.precision.compute, [&](auto r) {
    const double eps = r(unit.attributes.eps);
    const double decay = r(unit.attributes.weight_decay);
    return map_stored(unit, [&](std::size_t i, double p) {
      const double denominator = r(r(std::sqrt(r(v[i] / c2))) + eps);
      const double step = r(r(m[i] / c1) / denominator);
      return p - r(lr * r(step + r(decay * p)));
    });
  });
}

UnitResult replay_add_scaled(const UnitCall& unit) {
  const auto scaled = like_first(unit, 1);
  return with_rounding_to(unit.precision.compute, [&](auto r) {
    const double factor = r(unit.attributes.factor);
    return map_stored(unit, [&](std::size_t i, double x) { return x + r(factor * scaled[i]); });
  });
}

UnitResult replay_sgd(const UnitCall& unit) {
  const auto gradient = like_first(unit, 1);
  const double lr = scalar(unit, 2);
  return with_rounding_to(unit.precision.compute, [&](auto r) {
    return map_stored(unit, [&](std::size_t i, double p) { return p - r(lr * gradient[i]); });
  });
}

}  // namespace shardproof::reference
