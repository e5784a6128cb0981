// Rotary position embedding: Su et al. 2021, arXiv:2104.09864, eq. 34. The tables' frequencies are
// the host's, as on the CPU; a thread makes one angle, or turns one pair.
#include <cmath>

#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"
#include "real/rotary_frequency.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// Frequencies of pairs `first`, first + 1, ...: what fits among the arguments of a launch.
struct Frequencies {
  static constexpr std::int64_t kMost = 256;
  std::int64_t first = 0;
  std::int64_t count = 0;
  double of[kMost] = {};
  double amplitude = 1;
};

/// cos, sin (T, pairs): of position * f_i, times the amplitude, all in fp64.
__global__ void rotary_table_kernel(std::int64_t T, std::int64_t pairs, Frequencies frequencies,
                                    Output<double> cos, Output<double> sin) {
  for (std::int64_t i = first_element(); i < T * frequencies.count; i += grid_threads()) {
    const std::int64_t t = i / frequencies.count, pair = i % frequencies.count;
    const double angle = static_cast<double>(t) * frequencies.of[pair];
    const std::int64_t at = t * pairs + frequencies.first + pair;
    cos.set(at, std::cos(angle) * frequencies.amplitude);
    sin.set(at, std::sin(angle) * frequencies.amplitude);
  }
}

void rotary_table(Device& device, const KernelCall& call) {
  const Shape& shape = call.out(0).shape;
  SHARDPROOF_EXPECTS(shape.size() == 2 && shape == call.out(1).shape, to_string(shape),
                     to_string(call.out(1).shape));
  const std::int64_t T = shape[0], pairs = shape[1];
  Frequencies some;
  some.amplitude = rotary_amplitude(call.attributes.frequencies);
  for (; some.first < pairs; some.first += some.count) {
    some.count = std::min(pairs - some.first, Frequencies::kMost);
    for (std::int64_t i = 0; i < some.count; ++i)
      some.of[i] = rotary_frequency(call.attributes.frequencies, some.first + i, pairs);
    launch_elements(device, call, T * some.count, rotary_table_kernel, T, pairs, some,
                    Output<double>(call.out(0)), Output<double>(call.out(1)));
  }
}

/// Turns pair `pair` of a head that begins at an element: (x1, x2) -> (x1 c - x2 s, x2 c + x1 s).
template <class C>
__device__ void turn(const RotaryExtents& e, std::int64_t begin, std::int64_t pair, Input<C> x,
                     C cos, C sin, Output<C> y) {
  const bool half = e.pairing == RotaryPairing::half;
  const std::int64_t first = begin + (half ? pair : 2 * pair);
  const std::int64_t second = first + (half ? e.pairs : 1);
  const C x1 = x[first];
  const C x2 = x[second];
  y.set(first, x1 * cos - x2 * sin);
  y.set(second, x2 * cos + x1 * sin);
}

/// x, y (B, T, heads * head_dim); cos, sin (T, pairs). y may be x. A head has `slots`: its pairs,
/// then the elements that pass as they are.
template <class C>
__global__ void rotary_kernel(RotaryExtents e, Input<C> x, Input<C> cos, Input<C> sin, Output<C> y,
                              C sign) {
  const std::int64_t slots = e.head_dim - e.pairs;
  for (std::int64_t i = first_element(); i < e.sequences * e.T * e.heads * slots;
       i += grid_threads()) {
    const std::int64_t head = i / slots, slot = i % slots;
    const std::int64_t begin = head * e.head_dim;
    if (slot < e.pairs) {
      const std::int64_t angle = head / e.heads % e.T * e.pairs + slot;
      turn<C>(e, begin, slot, x, cos[angle], sign * sin[angle], y);
    } else {
      const std::int64_t at = begin + e.pairs + slot;
      y.set(at, x[at]);
    }
  }
}

void rotate(Device& device, const KernelCall& call, bool inverse) {
  expect_same_count(call.in(0), call.out());
  const RotaryExtents e(call.in(0), call.in(1), call.in(2), call.attributes.rotary);
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_elements(device, call, e.sequences * e.T * e.heads * (e.head_dim - e.pairs),
                    rotary_kernel<C>, e, Input<C>(call.in(0)), Input<C>(call.in(1)),
                    Input<C>(call.in(2)), Output<C>(call.out()), inverse ? C{-1} : C{1});
  });
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

}  // namespace shardproof::real::SHARDPROOF_GPU
