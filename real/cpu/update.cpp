// The optimizer: every operation rounded to the compute type, each coefficient computed in fp64 and
// rounded once. torch's form has its fused multiply-adds where torch has them.
#include <cmath>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

/// beta m + (1 - beta) g.
void exp_avg(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [beta = call.attributes.beta]<class C>(C m, C g) {
    return static_cast<C>(beta) * m + static_cast<C>(1.0 - beta) * g;
  });
}

/// beta v + ((1 - beta) g) g.
void exp_avg_sq(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [beta = call.attributes.beta]<class C>(C v, C g) {
    return static_cast<C>(beta) * v + (static_cast<C>(1.0 - beta) * g) * g;
  });
}

/// p - lr * ((m / c1) / (sqrt(v / c2) + eps) + weight_decay * p).
void adamw(Device& device, const KernelCall& call) {
  const double lr = scalar_of(call.in(3)), c1 = scalar_of(call.in(4)), c2 = scalar_of(call.in(5));
  const double eps = call.attributes.eps, weight_decay = call.attributes.weight_decay;
  elementwise<3>(device, call, [=]<class C>(C p, C m, C v) {
    const C step =
        (m / static_cast<C>(c1)) / (std::sqrt(v / static_cast<C>(c2)) + static_cast<C>(eps));
    return p - static_cast<C>(lr) * (step + static_cast<C>(weight_decay) * p);
  });
}

/// a + factor b.
void add_scaled(Device& device, const KernelCall& call, double factor) {
  elementwise<2>(device, call,
                 [factor]<class C>(C a, C b) { return a + static_cast<C>(factor) * b; });
}
void add_scaled(Device& device, const KernelCall& call) {
  add_scaled(device, call, call.attributes.factor);
}

/// p + RN(-lr g), which is p - RN(lr g) to the bit.
void sgd(Device& device, const KernelCall& call) {
  add_scaled(device, call, -scalar_of(call.in(2)));
}

/// torch's lerp: from m the part 1 - beta of the way to g; the longer part is counted from g.
void torch_exp_avg(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [beta = call.attributes.beta]<class C>(C m, C g) {
    const C weight = static_cast<C>(1.0 - beta);
    return weight < C{0.5} ? std::fma(weight, g - m, m) : std::fma(weight - C{1}, g - m, g);
  });
}

/// beta v + ((1 - beta) g) g, the last product and the sum as one.
void torch_exp_avg_sq(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [beta = call.attributes.beta]<class C>(C v, C g) {
    return std::fma(static_cast<C>(1.0 - beta) * g, g, static_cast<C>(beta) * v);
  });
}

/// p (1 - lr weight_decay) + (-lr / c1 m) / (sqrt(v) / root + eps), root that of c2.
void torch_adamw(Device& device, const KernelCall& call) {
  const double lr = scalar_of(call.in(3)), c1 = scalar_of(call.in(4)), root = scalar_of(call.in(5));
  const double eps = call.attributes.eps;
  const double kept = 1.0 - lr * call.attributes.weight_decay, step = -(lr / c1);
  elementwise<3>(device, call, [=]<class C>(C p, C m, C v) {
    const C denominator = std::sqrt(v) / static_cast<C>(root) + static_cast<C>(eps);
    return p * static_cast<C>(kept) + static_cast<C>(step) * m / denominator;
  });
}

/// g + factor p as one.
void torch_decay(Device& device, const KernelCall& call) {
  elementwise<2>(device, call, [factor = call.attributes.factor]<class C>(C g, C p) {
    return std::fma(static_cast<C>(factor), p, g);
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

}  // namespace shardproof::real::cpu
