#include "real/cpu/pointwise.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::real::cpu {

template <class C>
void add(std::int64_t count, const C* a, const C* b, C* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
}

template <class C>
void add_bias(std::int64_t rows, std::int64_t columns, const C* x, const C* bias, C* y) {
  for (std::int64_t r = 0; r < rows; ++r) add(columns, x + r * columns, bias, y + r * columns);
}

template <class C>
void bias_backward(std::int64_t rows, std::int64_t columns, const C* dy, C* dbias) {
  std::fill_n(dbias, columns, C{0});
  for (std::int64_t r = 0; r < rows; ++r) add(columns, dbias, dy + r * columns, dbias);
}

template <class C>
void multiply(std::int64_t count, const C* x, C factor, C* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * factor;
}

template <class C>
void divide(std::int64_t count, const C* x, C divisor, C* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] / divisor;
}

template <class C>
void negate(std::int64_t count, const C* x, C* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = -x[i];
}

template <class C>
bool any_nonfinite(std::int64_t count, const C* x) {
  return std::any_of(x, x + count, [](C value) { return !std::isfinite(value); });
}

namespace {
template <class C>
C sigmoid(C x) {
  return C{1} / (C{1} + std::exp(-x));
}
}  // namespace

template <class C>
void swiglu(std::int64_t count, const C* gate, const C* up, C* y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

template <class C>
void swiglu_backward(std::int64_t count, const C* dy, const C* gate, const C* up, C* dgate,
                     C* dup) {
  for (std::int64_t i = 0; i < count; ++i) {
    const C s = sigmoid(gate[i]);
    const C d_activation = dy[i] * up[i];
    dup[i] = dy[i] * (gate[i] * s);
    dgate[i] = d_activation * (s * (C{1} + gate[i] * (C{1} - s)));
  }
}

void rotary_table(std::int64_t T, std::int64_t pairs, double theta, double* cos, double* sin) {
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t i = 0; i < pairs; ++i) {
      const double exponent = static_cast<double>(-i) / static_cast<double>(pairs);
      const double angle = static_cast<double>(t) * std::pow(theta, exponent);
      cos[t * pairs + i] = std::cos(angle);
      sin[t * pairs + i] = std::sin(angle);
    }
}

namespace {
/// One head of one token: (x1, x2) -> (x1 c - x2 s, x2 c + x1 s), x1 the first half, x2 the second.
template <class C>
void rotate_head(std::int64_t pairs, const C* x, const C* cos, const C* sin, C* y, C sign) {
  for (std::int64_t i = 0; i < pairs; ++i) {
    const C x1 = x[i];
    const C x2 = x[i + pairs];
    const C s = sign * sin[i];
    y[i] = x1 * cos[i] - x2 * s;
    y[i + pairs] = x2 * cos[i] + x1 * s;
  }
}
}  // namespace

template <class C>
void rotary(RotaryExtents extents, const C* x, const C* cos, const C* sin, C* y, bool inverse) {
  const auto [sequences, T, heads, pairs] = extents;
  const C sign = inverse ? C{-1} : C{1};
  for (std::int64_t row = 0; row < sequences * T; ++row) {
    const std::int64_t t = row % T;
    for (std::int64_t head = 0; head < heads; ++head) {
      const std::int64_t start = (row * heads + head) * 2 * pairs;
      rotate_head(pairs, x + start, cos + t * pairs, sin + t * pairs, y + start, sign);
    }
  }
}

template void add(std::int64_t, const float*, const float*, float*);
template void add_bias(std::int64_t, std::int64_t, const float*, const float*, float*);
template void bias_backward(std::int64_t, std::int64_t, const float*, float*);
template void multiply(std::int64_t, const float*, float, float*);
template void divide(std::int64_t, const float*, float, float*);
template void negate(std::int64_t, const float*, float*);
template bool any_nonfinite(std::int64_t, const float*);
template void swiglu(std::int64_t, const float*, const float*, float*);
template void swiglu_backward(std::int64_t, const float*, const float*, const float*, float*,
                              float*);
template void rotary(RotaryExtents, const float*, const float*, const float*, float*, bool);

template void add(std::int64_t, const double*, const double*, double*);
template void add_bias(std::int64_t, std::int64_t, const double*, const double*, double*);
template void bias_backward(std::int64_t, std::int64_t, const double*, double*);
template void multiply(std::int64_t, const double*, double, double*);
template void divide(std::int64_t, const double*, double, double*);
template void negate(std::int64_t, const double*, double*);
template bool any_nonfinite(std::int64_t, const double*);
template void swiglu(std::int64_t, const double*, const double*, double*);
template void swiglu_backward(std::int64_t, const double*, const double*, const double*, double*,
                              double*);
template void rotary(RotaryExtents, const double*, const double*, const double*, double*, bool);

}  // namespace shardproof::real::cpu
