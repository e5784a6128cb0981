#include "real/cpu/matmul.hpp"

#include <cblas.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"
#include "scenarios/work_space.hpp"

namespace shardproof::real::cpu {

namespace {
blasint blas_int(std::int64_t value) {
  SHARDPROOF_EXPECTS(value <= std::numeric_limits<blasint>::max(), value);
  return static_cast<blasint>(value);
}

CBLAS_TRANSPOSE transposition(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void call_blas(blasint m, blasint n, blasint k, Operand<float> a, Operand<float> b, float* c) {
  cblas_sgemm(CblasRowMajor, transposition(a.transposed), transposition(b.transposed), m, n, k,
              1.0F, a.data, blas_int(a.leading), b.data, blas_int(b.leading), 0.0F, c, n);
}
void call_blas(blasint m, blasint n, blasint k, Operand<double> a, Operand<double> b, double* c) {
  cblas_dgemm(CblasRowMajor, transposition(a.transposed), transposition(b.transposed), m, n, k, 1.0,
              a.data, blas_int(a.leading), b.data, blas_int(b.leading), 0.0, c, n);
}
}  // namespace

template <class C>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<C> a, Operand<C> b, C* c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    std::fill_n(c, m * n, C{0});
    return;
  }
  const Pulse::LongCall underway(
      Pulse::LongCall::seconds_of_product(static_cast<double>(m * n * k)));
  call_blas(blas_int(m), blas_int(n), blas_int(k), a, b, c);
}

std::string blas_library_version() {
  return std::string(openblas_get_config()) + " kernels for " + openblas_get_corename();
}

void use_one_blas_thread() { openblas_set_num_threads(1); }

void take_blas_work_space() {
  // Smaller products are computed without.
  constexpr std::int64_t n = 128;
  static const bool taken = [] {
    const std::vector<float> a(n * n, 1);
    std::vector<float> c(n * n);
    take_work_space([&] {
      gemm<float>(n, n, n, {a.data(), n, false}, {a.data(), n, false}, c.data());
    });
    return c.front() == n;
  }();
  SHARDPROOF_EXPECTS(taken);
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, Operand<float>, Operand<float>,
                   float*);
template void gemm(std::int64_t, std::int64_t, std::int64_t, Operand<double>, Operand<double>,
                   double*);

namespace {
/// The weight as the matrix (I, O), or its transpose, without moving it.
template <class C>
Operand<C> weight_matrix(const MatmulExtents& e, const C* weight, WeightLayout layout,
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
