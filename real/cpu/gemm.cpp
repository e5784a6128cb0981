#include "real/cpu/gemm.hpp"

#include <cblas.h>

#include <algorithm>
#include <limits>

#include "scenarios/errors.hpp"

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
  call_blas(blas_int(m), blas_int(n), blas_int(k), a, b, c);
}

std::string blas_library_version() {
  return std::string(openblas_get_config()) + " kernels for " + openblas_get_corename();
}

void use_one_blas_thread() { openblas_set_num_threads(1); }

template void gemm(std::int64_t, std::int64_t, std::int64_t, Operand<float>, Operand<float>,
                   float*);
template void gemm(std::int64_t, std::int64_t, std::int64_t, Operand<double>, Operand<double>,
                   double*);

}  // namespace shardproof::real::cpu
