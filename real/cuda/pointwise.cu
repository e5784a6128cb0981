// Element by element, in the order written, every operation rounded to the compute type; and the
// sums of rows that are the gradients of such.
#include <cmath>

#include "real/cuda/column_sums.hpp"
#include "real/cuda/elementwise.hpp"
#include "real/cuda/functions.hpp"
#include "real/cuda/kernel_lists.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

template <class C>
struct Sum {
  __device__ C operator()(C a, C b) const { return a + b; }
};
template <class C>
struct Times {
  C factor;
  __device__ C operator()(C x) const { return x * factor; }
};
template <class C>
struct DividedBy {
  C divisor;
  __device__ C operator()(C x) const { return x / divisor; }
};
template <class C>
struct TimesScalar {
  Input<C> factor;  // of one element, on the device
  __device__ C operator()(C x) const { return x * factor[0]; }
};
template <class C>
struct Negated {
  __device__ C operator()(C x) const { return -x; }
};

/// NaN stays NaN: it is not below 0 either.
template <class C>
struct Relu {
  __device__ C operator()(C x) const { return x <= 0 ? C{0} : x; }
};
template <class C>
struct ReluSlope {
  __device__ C operator()(C dy, C x) const { return x <= 0 ? C{0} : dy; }
};
template <class C>
struct Multiplied {
  __device__ C operator()(C a, C b) const { return a * b; }
};
/// cap * tanh(x / cap).
template <class C>
struct SoftCap {
  C cap;
  __device__ C operator()(C x) const { return cap * tanh_of(x / cap); }
};
/// dy * (1 - tanh(x / cap)^2).
template <class C>
struct SoftCapSlope {
  C cap;
  __device__ C operator()(C dy, C x) const {
    const C t = tanh_of(x / cap);
    return dy * (C{1} - t * t);
  }
};

void add(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<2>(device, call, Sum<C>{}); });
}

void scale(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<1>(device, call, Times<C>{static_cast<C>(call.attributes.factor)});
  });
}

void divide(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<1>(device, call, DividedBy<C>{static_cast<C>(call.attributes.divisor)});
  });
}

void multiply(Device& device, const KernelCall& call) {
  expect_scalar(call.in(1));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<1>(device, call, TimesScalar<C>{Input<C>(call.in(1))});
  });
}

void negate(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<1>(device, call, Negated<C>{}); });
}

void relu(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<1>(device, call, Relu<C>{}); });
}

void relu_backward(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<2>(device, call, ReluSlope<C>{}); });
}

void product(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(),
                     [&]<class C>(C) { elementwise<2>(device, call, Multiplied<C>{}); });
}

void soft_cap(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<1>(device, call, SoftCap<C>{static_cast<C>(call.attributes.cap)});
  });
}

void soft_cap_backward(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, SoftCapSlope<C>{static_cast<C>(call.attributes.cap)});
  });
}

template <class C>
__global__ void add_bias_kernel(std::int64_t count, std::int64_t columns, Input<C> x, Input<C> bias,
                                Output<C> y) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads())
    y.set(i, x[i] + bias[i % columns]);
}

/// x (rows, columns), bias (columns).
void add_bias(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &bias = call.in(1);
  expect_same_count(x, call.out());
  SHARDPROOF_EXPECTS(last_extent(x) == bias.elements(), to_string(x.shape), to_string(bias.shape));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_elements(device, call, x.elements(), add_bias_kernel<C>, x.elements(), bias.elements(),
                    Input<C>(x), Input<C>(bias), Output<C>(call.out()));
  });
}

template <class C>
struct AsItIs {
  struct Row {};
  Input<C> dy;
  __device__ Row of_row(std::int64_t) const { return {}; }
  __device__ C term(Row, std::int64_t i) const { return dy[i]; }
};

/// dbias (columns) = the sum over the rows of dy, in the order of column_sums.hpp.
void bias_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &dbias = call.out();
  SHARDPROOF_EXPECTS(last_extent(dy) == dbias.elements(), to_string(dy.shape),
                     to_string(dbias.shape));
  in_compute_type_of(dbias, [&]<class C>(C) {
    sum_columns<C>(device, call, {leading_rows(dy), dbias.elements()}, AsItIs<C>{Input<C>(dy)},
                   dbias);
  });
}

template <class C>
__device__ C sigmoid(C x) {
  return C{1} / (C{1} + exp_of(-x));
}

template <class C>
struct Sigmoid {
  __device__ C operator()(C x) const { return sigmoid(x); }
};
/// dy * (s * (1 - s)), s = sigmoid(x).
template <class C>
struct SigmoidSlope {
  __device__ C operator()(C dy, C x) const {
    const C s = sigmoid(x);
    return dy * (s * (C{1} - s));
  }
};

void sigmoid(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<1>(device, call, Sigmoid<C>{}); });
}

void sigmoid_backward(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(),
                     [&]<class C>(C) { elementwise<2>(device, call, SigmoidSlope<C>{}); });
}

template <class C>
struct SwiGlu {
  __device__ C operator()(C gate, C up) const { return gate * sigmoid(gate) * up; }
};

/// y = (gate * sigmoid(gate)) * up.
void swiglu(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) { elementwise<2>(device, call, SwiGlu<C>{}); });
}

/// dup = dy * (gate * s), dgate = (dy * up) * (s * (1 + gate * (1 - s))), s = sigmoid(gate).
template <class C>
__global__ void swiglu_backward_kernel(std::int64_t count, Input<C> dy, Input<C> gate, Input<C> up,
                                       Output<C> dgate, Output<C> dup) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) {
    const C g = gate[i];
    const C s = sigmoid(g);
    const C d = dy[i];
    const C d_activation = d * up[i];
    dup.set(i, d * (g * s));
    dgate.set(i, d_activation * (s * (C{1} + g * (C{1} - s))));
  }
}

void swiglu_backward(Device& device, const KernelCall& call) {
  const TensorView& dy = call.in(0);
  for (const TensorView* like_dy : {&call.in(1), &call.in(2), &call.out(0), &call.out(1)})
    expect_same_count(*like_dy, dy);
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_elements(device, call, dy.elements(), swiglu_backward_kernel<C>, dy.elements(),
                    Input<C>(dy), Input<C>(call.in(1)), Input<C>(call.in(2)),
                    Output<C>(call.out(0)), Output<C>(call.out(1)));
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

}  // namespace shardproof::real::SHARDPROOF_GPU
