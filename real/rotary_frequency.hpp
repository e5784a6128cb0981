#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// f_i = theta^(-i/pairs), scaled as `how` says (scenarios/op_forms.hpp), in fp64: of pair i the
/// angle at a position is position * f_i. Host code on every device, as a GPU's power is another.
inline double rotary_frequency(const RotaryFrequencies& how, std::int64_t i, std::int64_t pairs) {
  const double frequency =
      std::pow(how.theta, static_cast<double>(-i) / static_cast<double>(pairs));
  if (how.scaling == RotaryScaling::none) return frequency;
  const double slow = frequency / how.factor;
  if (how.scaling == RotaryScaling::linear) return slow;
  const double turns = how.original_positions * frequency / (2 * std::numbers::pi);
  const double mix = std::clamp((turns - how.low) / (how.high - how.low), 0.0, 1.0);
  return (1 - mix) * slow + mix * frequency;
}

}  // namespace shardproof::real
