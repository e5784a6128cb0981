#pragma once

#include <cstdint>

#include "scenarios/op_forms.hpp"

namespace shardproof::real::cpu {

/// cos, sin (T, pairs): of position * f_i, all in fp64, f_i = theta^(-i/pairs) scaled.
void rotary_table(std::int64_t T, std::int64_t pairs, const RotaryFrequencies& frequencies,
                  double* cos, double* sin);

struct RotaryExtents {
  std::int64_t sequences;  // B
  std::int64_t T;
  std::int64_t heads;
  std::int64_t head_dim;
  std::int64_t pairs;  // turned in each head: 2 pairs <= head_dim
  RotaryPairing pairing;
};
/// x, y (B, T, heads * head_dim); cos, sin (T, pairs). y may be x.
template <class C>
void rotary(RotaryExtents extents, const C* x, const C* cos, const C* sin, C* y, bool inverse);

}  // namespace shardproof::real::cpu
