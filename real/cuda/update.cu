// The optimizer: every operation rounded to the compute type, each coefficient computed in fp64 and
// rounded once, as on the CPU and to the same bits: IEEE division and square root, and no operation
// contracted with another (-fmad=false) but where torch's form says so.
#include <cmath>

#include "real/cuda/elementwise.hpp"
#include "real/cuda/kernel_lists.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// beta m + (1 - beta) g.
template <class C>
struct ExpAvg {
  C beta;
  C rest;
  explicit ExpAvg(double b) : beta(static_cast<C>(b)), rest(static_cast<C>(1.0 - b)) {}
  __device__ C operator()(C m, C g) const { return beta * m + rest * g; }
};

void exp_avg(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, ExpAvg<C>(call.attributes.beta));
  });
}

/// beta v + ((1 - beta) g) g.
template <class C>
struct ExpAvgSq {
  C beta;
  C rest;
  explicit ExpAvgSq(double b) : beta(static_cast<C>(b)), rest(static_cast<C>(1.0 - b)) {}
  __device__ C operator()(C v, C g) const { return beta * v + (rest * g) * g; }
};

void exp_avg_sq(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, ExpAvgSq<C>(call.attributes.beta));
  });
}

/// p - lr * ((m / c1) / (sqrt(v / c2) + eps) + weight_decay * p).
template <class C>
struct AdamW {
  Input<C> lr;  // and c1, c2: of one element, on the device
  Input<C> c1;
  Input<C> c2;
  C eps;
  C weight_decay;
  __device__ C operator()(C p, C m, C v) const {
    const C step = (m / c1[0]) / (std::sqrt(v / c2[0]) + eps);
    return p - lr[0] * (step + weight_decay * p);
  }
};

void adamw(Device& device, const KernelCall& call) {
  for (std::size_t i = 3; i < 6; ++i) expect_scalar(call.in(i));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<3>(device, call,
                   AdamW<C>{Input<C>(call.in(3)), Input<C>(call.in(4)), Input<C>(call.in(5)),
                            static_cast<C>(call.attributes.eps),
                            static_cast<C>(call.attributes.weight_decay)});
  });
}

/// a + factor b.
template <class C>
struct PlusScaled {
  C factor;
  __device__ C operator()(C a, C b) const { return a + factor * b; }
};

void add_scaled(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, PlusScaled<C>{static_cast<C>(call.attributes.factor)});
  });
}

/// p - lr g.
template <class C>
struct Descent {
  Input<C> lr;
  __device__ C operator()(C p, C g) const { return p - lr[0] * g; }
};

void sgd(Device& device, const KernelCall& call) {
  expect_scalar(call.in(2));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, Descent<C>{Input<C>(call.in(2))});
  });
}

/// torch's lerp: from m the part 1 - beta of the way to g; the longer part is counted from g.
template <class C>
struct TorchExpAvg {
  C weight;
  __device__ C operator()(C m, C g) const {
    return weight < C{0.5} ? std::fma(weight, g - m, m) : std::fma(weight - C{1}, g - m, g);
  }
};

void torch_exp_avg(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, TorchExpAvg<C>{static_cast<C>(1.0 - call.attributes.beta)});
  });
}

/// beta v + ((1 - beta) g) g, the last product and the sum as one.
template <class C>
struct TorchExpAvgSq {
  C beta;
  C rest;
  __device__ C operator()(C v, C g) const { return std::fma(rest * g, g, beta * v); }
};

void torch_exp_avg_sq(Device& device, const KernelCall& call) {
  const double beta = call.attributes.beta;
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call,
                   TorchExpAvgSq<C>{static_cast<C>(beta), static_cast<C>(1.0 - beta)});
  });
}

/// p (1 - lr weight_decay) + (-lr / c1 m) / (sqrt(v) / root + eps), root that of c2.
template <class C>
struct TorchAdamW {
  Input<double> lr;  // and c1, root: of one element, on the device
  Input<double> c1;
  Input<double> root;
  C eps;
  double weight_decay;
  __device__ C operator()(C p, C m, C v) const {
    const C kept = static_cast<C>(1.0 - lr[0] * weight_decay);
    const C step = static_cast<C>(-(lr[0] / c1[0]));
    const C denominator = std::sqrt(v) / static_cast<C>(root[0]) + eps;
    return p * kept + step * m / denominator;
  }
};

void torch_adamw(Device& device, const KernelCall& call) {
  for (std::size_t i = 3; i < 6; ++i) expect_scalar(call.in(i));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<3>(device, call,
                   TorchAdamW<C>{Input<double>(call.in(3)), Input<double>(call.in(4)),
                                 Input<double>(call.in(5)), static_cast<C>(call.attributes.eps),
                                 call.attributes.weight_decay});
  });
}

/// g + factor p as one.
template <class C>
struct TorchDecay {
  C factor;
  __device__ C operator()(C g, C p) const { return std::fma(factor, p, g); }
};

void torch_decay(Device& device, const KernelCall& call) {
  in_compute_type_of(call.out(), [&]<class C>(C) {
    elementwise<2>(device, call, TorchDecay<C>{static_cast<C>(call.attributes.factor)});
  });
}

}  // namespace

std::span<const KernelRow> update_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::exp_avg, exp_avg},
                                       {OpKind::exp_avg_sq, exp_avg_sq},
                                       {OpKind::adamw, adamw},
                                       {OpKind::decay, add_scaled},
                                       {OpKind::momentum, add_scaled},
                                       {OpKind::nesterov, add_scaled},
                                       {OpKind::sgd, sgd},
                                       {OpKind::torch_exp_avg, torch_exp_avg},
                                       {OpKind::torch_exp_avg_sq, torch_exp_avg_sq},
                                       {OpKind::torch_adamw, torch_adamw},
                                       {OpKind::torch_decay, torch_decay}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
