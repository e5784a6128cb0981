#include <algorithm>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"
#include "scenarios/blas/product.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real::cpu {

namespace {

template <class C>
using Matrix = blas::Matrix<C>;

/// c (m, n) = a (m, k) b (k, n). Any of m, n, k may be 0: an empty sum is 0.
template <class C>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<C> a, Matrix<C> b, C* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    std::fill_n(c, m * n, C{0});
    return;
  }
  const Pulse::LongCall underway(
      Pulse::LongCall::seconds_of_product(static_cast<double>(m * n * k)));
  blas::product(m, n, k, a, b, c);
}

/// The weight as the matrix (I, O), or its transpose, without moving it.
template <class C>
Matrix<C> weight_matrix(const MatmulExtents& e, const C* weight, WeightLayout layout,
                        bool transposed) {
  if (layout == WeightLayout::out_in) return {weight, e.I, !transposed};
  return {weight, e.O, transposed};
}

void matmul(Device& device, const KernelCall& call) {
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(call.in(0), call.in(1), call.out(), layout);
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    gemm<C>(e.rows, e.O, e.I, {o.in(0), e.I, false}, weight_matrix(e, o.in(1), layout, false),
            o.out());
  });
}

void matmul_backward_input(Device& device, const KernelCall& call) {
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(call.out(), call.in(1), call.in(0), layout);
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    gemm<C>(e.rows, e.I, e.O, {o.in(0), e.O, false}, weight_matrix(e, o.in(1), layout, true),
            o.out());
  });
}

void matmul_backward_weight(Device& device, const KernelCall& call) {
  const WeightLayout layout = call.attributes.weight_layout;
  const MatmulExtents e(call.in(1), call.out(), call.in(0), layout);
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const C *dy = o.in(0), *x = o.in(1);
    if (layout == WeightLayout::out_in)
      gemm<C>(e.O, e.I, e.rows, {dy, e.O, true}, {x, e.I, false}, o.out());
    else
      gemm<C>(e.I, e.O, e.rows, {x, e.I, true}, {dy, e.O, false}, o.out());
  });
}
}  // namespace

std::span<const KernelRow> matmul_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::matmul, matmul},
                                       {OpKind::matmul_backward_input, matmul_backward_input},
                                       {OpKind::matmul_backward_weight, matmul_backward_weight}};
  return rows;
}

}  // namespace shardproof::real::cpu
