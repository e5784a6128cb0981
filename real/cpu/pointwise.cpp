// Element by element, in the order written, every operation rounded to the compute type; and the
// sums of rows that are the gradients of such.
#include <algorithm>
#include <cmath>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

void add(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [](auto a, auto b) { return a + b; });
}

void scale(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [factor = call.attributes.factor](auto x) {
    return x * static_cast<decltype(x)>(factor);
  });
}

void divide(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [divisor = call.attributes.divisor](auto x) {
    return x / static_cast<decltype(x)>(divisor);
  });
}

void multiply(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [factor = scalar_of(call.in(1))](auto x) {
    return x * static_cast<decltype(x)>(factor);
  });
}

void negate(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [](auto x) { return -x; });
}

template <class C>
void add_rows(std::int64_t columns, const C* a, const C* b, C* y) {
  for (std::int64_t i = 0; i < columns; ++i) y[i] = a[i] + b[i];
}

/// NaN stays NaN: it is not below 0 either.
void relu(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, []<class C>(C x) { return x <= 0 ? C{0} : x; });
}

void relu_backward(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, []<class C>(C dy, C x) { return x <= 0 ? C{0} : dy; });
}

void product(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [](auto a, auto b) { return a * b; });
}

/// y = cap * tanh(x / cap).
void soft_cap(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [cap = call.attributes.cap]<class C>(C x) {
    return static_cast<C>(cap) * std::tanh(x / static_cast<C>(cap));
  });
}

/// dx = dy * (1 - tanh(x / cap)^2).
void soft_cap_backward(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [cap = call.attributes.cap]<class C>(C dy, C x) {
    const C t = std::tanh(x / static_cast<C>(cap));
    return dy * (C{1} - t * t);
  });
}

/// x (rows, columns), bias (columns).
void add_bias(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &bias = call.in(1);
  expect_same_count(x, call.out());
  SHARDPROOF_EXPECTS(last_extent(x) == bias.elements(), to_string(x.shape), to_string(bias.shape));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const std::int64_t columns = bias.elements();
    for (std::int64_t r = 0; r < leading_rows(x); ++r)
      add_rows(columns, o.in(0) + r * columns, o.in(1), o.out() + r * columns);
  });
}

/// dbias (columns) = the sum over the rows of dy, first to last.
void bias_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &dbias = call.out();
  SHARDPROOF_EXPECTS(last_extent(dy) == dbias.elements(), to_string(dy.shape),
                     to_string(dbias.shape));
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const std::int64_t columns = dbias.elements();
    C* sum = o.out();
    std::fill_n(sum, columns, C{0});
    for (std::int64_t r = 0; r < leading_rows(dy); ++r)
      add_rows(columns, sum, o.in(0) + r * columns, sum);
  });
}

template <class C>
C sigmoid(C x) {
  return C{1} / (C{1} + std::exp(-x));
}

void sigmoid(Device& device, const KernelCall& call) {
  elementwise<1>(device, call, [](auto x) { return sigmoid(x); });
}

/// dx = dy * (s * (1 - s)), s = sigmoid(x).
void sigmoid_backward(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, []<class C>(C dy, C x) {
    const C s = sigmoid(x);
    return dy * (s * (C{1} - s));
  });
}

/// y = (gate * sigmoid(gate)) * up.
void swiglu(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [](auto gate, auto up) { return gate * sigmoid(gate) * up; });
}

/// dup = dy * (gate * s), dgate = (dy * up) * (s * (1 + gate * (1 - s))), s = sigmoid(gate).
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

void swiglu_backward(Device& device, const KernelCall& call) {
  const TensorView& dy = call.in(0);
  for (const TensorView* like_dy : {&call.in(1), &call.in(2), &call.out(0), &call.out(1)})
    expect_same_count(*like_dy, dy);
  in_compute_type(device, call, [&](auto& o) {
    swiglu_backward(dy.elements(), o.in(0), o.in(1), o.in(2), o.out(0), o.out(1));
  });
}

}  // namespace

std::span<const KernelRow> pointwise_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::add, add},
      {OpKind::accumulate, add},
      {OpKind::scale, scale},
      {OpKind::divide, divide},
      {OpKind::multiply, multiply},
      {OpKind::negate, negate},
      {OpKind::add_bias, add_bias},
      {OpKind::bias_backward, bias_backward},
      {OpKind::swiglu, swiglu},
      {OpKind::swiglu_backward, swiglu_backward},
      {OpKind::relu, relu},
      {OpKind::relu_backward, relu_backward},
      {OpKind::product, product},
      {OpKind::soft_cap, soft_cap},
      {OpKind::soft_cap_backward, soft_cap_backward},
      {OpKind::sigmoid, sigmoid},
      {OpKind::sigmoid_backward, sigmoid_backward},
  };
  return rows;
}

}  // namespace shardproof::real::cpu
