#pragma once

#include <cmath>
#include <numbers>

#include "reference/ops/tensor.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::reference {

/// YaRN's ramp over the pairs i of r elements: how much of a wave is interpolated. Waves that turn
/// more than `high` times in a text of the original length are left, those that turn less than
/// `low` times are slowed. Where a turn count falls between two pairs transformers takes the one
/// outside; at the same rounding as there, since that is a jump.
inline double yarn_ramp(std::int64_t i, std::int64_t rotary_dim, const RotaryFrequencies& how) {
  const auto r = static_cast<double>(rotary_dim);
  const auto place_of = [&](double rotations) {
    return (r * std::log(how.original_positions / (rotations * 2 * std::numbers::pi))) /
           (2 * std::log(how.theta));
  };
  double first = place_of(how.high), last = place_of(how.low);
  if (how.truncate) first = std::floor(first), last = std::ceil(last);
  if (first < 0) first = 0;
  if (last > r - 1) last = r - 1;
  if (first == last) last += 0.001;  // a step
  const double share = (static_cast<double>(i) - first) / (last - first);
  return share < 0 ? 0 : share > 1 ? 1 : share;
}

/// theta^(-2i/r), stretched as published for longer texts. llama3 leaves waves shorter than
/// original / high positions as they are, slows those longer than original / low by `factor`, and
/// goes over from one to the other in between; yarn does so in steps of pairs; longrope's divisors
/// were searched for, pair by pair.
inline double rotary_frequency(std::int64_t i, std::int64_t rotary_dim,
                               const RotaryFrequencies& how) {
  const double f =
      std::pow(how.theta, -2.0 * static_cast<double>(i) / static_cast<double>(rotary_dim));
  if (how.scaling == RotaryScaling::linear) return f / how.factor;
  if (how.scaling == RotaryScaling::none) return f;
  if (how.scaling == RotaryScaling::longrope)
    return f / how.divisors.at(static_cast<std::size_t>(i));
  if (how.scaling == RotaryScaling::yarn) {
    const double slowed = yarn_ramp(i, rotary_dim, how);
    return f / how.factor * slowed + f * (1 - slowed);
  }
  const double wavelength = 2 * std::numbers::pi / f;
  if (wavelength < how.original_positions / how.high) return f;
  if (wavelength > how.original_positions / how.low) return f / how.factor;
  const double smooth = (how.original_positions / wavelength - how.low) / (how.high - how.low);
  return (1 - smooth) * f / how.factor + smooth * f;
}

/// By what yarn and longrope lengthen queries and keys, so that the softmax over a longer text
/// stays as sharp: the root of the temperature's reciprocal.
inline double rotary_magnitude(const RotaryFrequencies& how) {
  const auto grown = [&](double coefficient) {
    return 1.0 + 0.1 * coefficient * std::log(how.factor);
  };
  switch (how.scaling) {
    case RotaryScaling::none:
    case RotaryScaling::linear:
    case RotaryScaling::llama3: return 1;
    case RotaryScaling::yarn:
      if (how.attention_factor > 0) return how.attention_factor;
      if (how.factor <= 1) return 1;
      if (how.mscale == 0 || how.mscale_all_dim == 0) return grown(1);
      return grown(how.mscale) / grown(how.mscale_all_dim);
    case RotaryScaling::longrope:
      if (how.attention_factor > 0) return how.attention_factor;
      if (how.factor <= 1) return 1;
      return std::sqrt(1 + std::log(how.factor) / std::log(how.original_positions));
  }
  return 1;
}

/// cos and sin (T, r/2) of the angles position * frequency, times the magnitude; r elements of a
/// head are turned.
struct RotaryTables {
  Tensor cos;
  Tensor sin;
};
inline RotaryTables rotary_tables(std::int64_t positions, std::int64_t rotary_dim,
                                  const RotaryFrequencies& frequencies) {
  const std::int64_t pairs = rotary_dim / 2;
  const double magnitude = rotary_magnitude(frequencies);
  RotaryTables tables{Tensor({positions, pairs}), Tensor({positions, pairs})};
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double angle = static_cast<double>(t) * rotary_frequency(i, rotary_dim, frequencies);
      tables.cos[t * pairs + i] = magnitude * std::cos(angle);
      tables.sin[t * pairs + i] = magnitude * std::sin(angle);
    }
  return tables;
}
inline RotaryTables rotary_tables(std::int64_t positions, std::int64_t rotary_dim, double theta) {
  return rotary_tables(positions, rotary_dim, RotaryFrequencies{.theta = theta});
}

/// Where the pairs of a (B, T, h*hd) tensor lie.
struct RotaryShape {
  std::int64_t positions, width, pairs, head_dim;
  RotaryPairing pairing;

  RotaryShape(const Shape& x, const Tensor& cos, const RotaryForm& form)
      : positions(x[1]),
        width(x[2]),
        pairs(cos.columns()),
        head_dim(form.head_dim > 0 ? form.head_dim : 2 * pairs),
        pairing(form.pairing) {
    SHARDPROOF_EXPECTS(cos.rows() == positions && width % head_dim == 0 && 2 * pairs <= head_dim,
                       to_string(x), to_string(cos.shape), head_dim);
  }
  /// Calls visit(first, second, angle) with the offsets of every pair, and of its angle.
  template <class Visit>
  void for_each_pair(std::int64_t rows, Visit visit) const {
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t head = 0; head < width; head += head_dim)
        for (std::int64_t i = 0; i < pairs; ++i) {
          const std::int64_t start = row * width + head, angle = row % positions * pairs + i;
          if (pairing == RotaryPairing::half)
            visit(start + i, start + i + pairs, angle);
          else
            visit(start + 2 * i, start + 2 * i + 1, angle);
        }
  }
};

/// x (B, T, h*hd), cos and sin (T, r/2). Each pair of the first r elements of a head is turned by
/// its angle: Su et al. 2021, arXiv:2104.09864, eq. 34; the other elements stay.
template <class Scalar>
TensorOf<Scalar> rotary(const TensorOf<Scalar>& x, const Tensor& cos, const Tensor& sin,
                        const RotaryForm& form = {}) {
  TensorOf<Scalar> y = x;
  RotaryShape(x.shape, cos, form)
      .for_each_pair(x.rows(), [&](std::int64_t first, std::int64_t second, std::int64_t angle) {
        y[first] = x[first] * Scalar(cos[angle]) - x[second] * Scalar(sin[angle]);
        y[second] = x[second] * Scalar(cos[angle]) + x[first] * Scalar(sin[angle]);
      });
  return y;
}

}  // namespace shardproof::reference
