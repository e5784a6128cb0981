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

}  // namespace shardproof::real::cpu
