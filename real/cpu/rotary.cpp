#include <algorithm>
#include <cmath>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"
#include "real/rotary_frequency.hpp"

namespace shardproof::real::cpu {

namespace {

/// cos, sin (T, pairs): of position * f_i, times the amplitude, all in fp64.
void rotary_table(std::int64_t T, std::int64_t pairs, const RotaryFrequencies& frequencies,
                  double* cos, double* sin) {
  const double amplitude = rotary_amplitude(frequencies);
  for (std::int64_t i = 0; i < pairs; ++i) {
    const double frequency = rotary_frequency(frequencies, i, pairs);
    for (std::int64_t t = 0; t < T; ++t) {
      const double angle = static_cast<double>(t) * frequency;
      cos[t * pairs + i] = std::cos(angle) * amplitude;
      sin[t * pairs + i] = std::sin(angle) * amplitude;
    }
  }
}

void rotary_table(Device& device, const KernelCall& call) {
  const Shape& shape = call.out(0).shape;
  SHARDPROOF_EXPECTS(shape.size() == 2 && shape == call.out(1).shape, to_string(shape),
                     to_string(call.out(1).shape));
  Operands<double> o(device, call);
  rotary_table(shape[0], shape[1], call.attributes.frequencies, o.out(0), o.out(1));
  o.store();
}

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
/// x, y (B, T, heads * head_dim); cos, sin (T, pairs). y may be x.
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

void rotate(Device& device, const KernelCall& call, bool inverse) {
  expect_same_count(call.in(0), call.out());
  const RotaryExtents e(call.in(0), call.in(1), call.in(2), call.attributes.rotary);
  in_compute_type(device, call,
                  [&](auto& o) { rotary(e, o.in(0), o.in(1), o.in(2), o.out(), inverse); });
}
void rotary(Device& device, const KernelCall& call) { rotate(device, call, /*inverse=*/false); }
void rotary_backward(Device& device, const KernelCall& call) {
  rotate(device, call, /*inverse=*/true);
}

}  // namespace

std::span<const KernelRow> rotary_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::rotary_table, rotary_table},
                                       {OpKind::rotary, rotary},
                                       {OpKind::rotary_backward, rotary_backward}};
  return rows;
}

}  // namespace shardproof::real::cpu
