#include "real/cpu/rotary.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace shardproof::real::cpu {

namespace {
double scaled(const RotaryFrequencies& how, double frequency) {
  if (how.scaling == RotaryScaling::none) return frequency;
  const double slow = frequency / how.factor;
  if (how.scaling == RotaryScaling::linear) return slow;
  const double turns = how.original_positions * frequency / (2 * std::numbers::pi);
  const double mix = std::clamp((turns - how.low) / (how.high - how.low), 0.0, 1.0);
  return (1 - mix) * slow + mix * frequency;
}
}  // namespace

void rotary_table(std::int64_t T, std::int64_t pairs, const RotaryFrequencies& frequencies,
                  double* cos, double* sin) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    const double exponent = static_cast<double>(-i) / static_cast<double>(pairs);
    const double frequency = scaled(frequencies, std::pow(frequencies.theta, exponent));
    for (std::int64_t t = 0; t < T; ++t) {
      const double angle = static_cast<double>(t) * frequency;
      cos[t * pairs + i] = std::cos(angle);
      sin[t * pairs + i] = std::sin(angle);
    }
  }
}

namespace {
/// One head of one token: (x1, x2) -> (x1 c - x2 s, x2 c + x1 s), x1 at i * step, x2 `apart` on.
template <class C>
void rotate_head(std::int64_t pairs, std::int64_t step, std::int64_t apart, const C* x,
                 const C* cos, const C* sin, C* y, C sign) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    const C x1 = x[i * step];
    const C x2 = x[i * step + apart];
    const C s = sign * sin[i];
    y[i * step] = x1 * cos[i] - x2 * s;
    y[i * step + apart] = x2 * cos[i] + x1 * s;
  }
}
}  // namespace

template <class C>
void rotary(RotaryExtents e, const C* x, const C* cos, const C* sin, C* y, bool inverse) {
  const C sign = inverse ? C{-1} : C{1};
  const bool half = e.pairing == RotaryPairing::half;
  for (std::int64_t row = 0; row < e.sequences * e.T; ++row) {
    const std::int64_t angles = row % e.T * e.pairs;
    for (std::int64_t head = 0; head < e.heads; ++head) {
      const std::int64_t start = (row * e.heads + head) * e.head_dim;
      rotate_head(e.pairs, half ? 1 : 2, half ? e.pairs : 1, x + start, cos + angles, sin + angles,
                  y + start, sign);
      std::copy(x + start + 2 * e.pairs, x + start + e.head_dim, y + start + 2 * e.pairs);
    }
  }
}

template void rotary(RotaryExtents, const float*, const float*, const float*, float*, bool);
template void rotary(RotaryExtents, const double*, const double*, const double*, double*, bool);

}  // namespace shardproof::real::cpu
