#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// The pair that turns `turns` times in a training text, counted from 0: no whole number. In this
/// order of operations, which is transformers', because it may be rounded to a whole one.
inline double pair_that_turns(double turns, const RotaryFrequencies& how, std::int64_t pairs) {
  const double in_turns = how.original_positions / (turns * 2 * std::numbers::pi);
  return static_cast<double>(2 * pairs) * std::log(in_turns) / (2 * std::log(how.theta));
}

/// How much of pair i is slowed down: 0 for the fast ones, 1 for the slow ones.
inline double yarn_share(const RotaryFrequencies& how, std::int64_t i, std::int64_t pairs) {
  double fast = pair_that_turns(how.high, how, pairs);
  double slow = pair_that_turns(how.low, how, pairs);
  if (how.truncate) {
    fast = std::floor(fast);
    slow = std::ceil(slow);
  }
  fast = std::max(fast, 0.0);
  slow = std::min(slow, static_cast<double>(2 * pairs - 1));
  if (fast == slow) slow += 0.001;
  return std::clamp((static_cast<double>(i) - fast) / (slow - fast), 0.0, 1.0);
}

/// f_i = theta^(-i/pairs), scaled as `how` says (scenarios/op_forms.hpp), in fp64: of pair i the
/// angle at a position is position * f_i. Host code on every device, as a GPU's power is another.
inline double rotary_frequency(const RotaryFrequencies& how, std::int64_t i, std::int64_t pairs) {
  const double frequency =
      std::pow(how.theta, static_cast<double>(-i) / static_cast<double>(pairs));
  if (how.scaling == RotaryScaling::none) return frequency;
  if (how.scaling == RotaryScaling::longrope)
    return frequency / how.divisors.at(static_cast<std::size_t>(i));
  const double slow = frequency / how.factor;
  if (how.scaling == RotaryScaling::linear) return slow;
  if (how.scaling == RotaryScaling::yarn) {
    const double share = yarn_share(how, i, pairs);
    return (1 - share) * frequency + share * slow;
  }
  const double turns = how.original_positions * frequency / (2 * std::numbers::pi);
  const double mix = std::clamp((turns - how.low) / (how.high - how.low), 0.0, 1.0);
  return (1 - mix) * slow + mix * frequency;
}

/// What cos and sin are multiplied by.
inline double rotary_amplitude(const RotaryFrequencies& how) {
  const bool yarn = how.scaling == RotaryScaling::yarn;
  if (!yarn && how.scaling != RotaryScaling::longrope) return 1;
  if (how.attention_factor != 0) return how.attention_factor;
  if (how.factor <= 1) return 1;
  const double log = std::log(how.factor);
  if (!yarn) return std::sqrt(1 + log / std::log(how.original_positions));
  if (how.mscale == 0 || how.mscale_all_dim == 0) return 0.1 * log + 1;
  return (0.1 * how.mscale * log + 1) / (0.1 * how.mscale_all_dim * log + 1);
}

}  // namespace shardproof::real
