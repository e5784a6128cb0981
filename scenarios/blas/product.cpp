#include "scenarios/blas/product.hpp"

#include <limits>
#include <vector>

#include "scenarios/blas/kernel_check.hpp"
#include "scenarios/blas/library.hpp"
#include "scenarios/blas/turns.hpp"
#include "scenarios/blas/work_space.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::blas {

namespace {

int blas_int(std::int64_t value) {
  SHARDPROOF_EXPECTS(0 < value && value <= std::numeric_limits<int>::max(), value);
  return static_cast<int>(value);
}

template <class T>
void call(Gemm<T> gemm, std::int64_t m, std::int64_t n, std::int64_t k, Matrix<T> a, Matrix<T> b,
          T* c) {
  constexpr int row_major = 101, as_it_stands = 111, transposed = 112;
  const auto order = [](const Matrix<T>& f) { return f.transposed ? transposed : as_it_stands; };
  gemm(row_major, order(a), order(b), blas_int(m), blas_int(n), blas_int(k), T{1}, a.data,
       blas_int(a.leading), b.data, blas_int(b.leading), T{0}, c, blas_int(n));
}

void take_first_work_space(const Library& library) {
  constexpr std::int64_t n = 128;  // smaller products are computed without
  const std::vector<float> ones(n * n, 1);
  std::vector<float> c(n * n);
  take_work_space([&] {
    call(library.sgemm, n, n, n, {ones.data(), n, false}, {ones.data(), n, false}, c.data());
  });
}

// The library makes a work space by itself when it needs one more than it has.
bool make_place(int number) {
  // Debian's keeps so many; beyond, it warns.
  constexpr int most = 64;
  const Library& blas = library();
  if (number > 0) return blas.is_concurrent && number < most && has_room_for_work_space();
  take_first_work_space(blas);
  check_kernel(blas);
  return true;
}

Turns& turns() {
  static Turns all(make_place);
  return all;
}

template <class T>
void product_in_turn(Gemm<T> Library::*gemm, std::int64_t m, std::int64_t n, std::int64_t k,
                     Matrix<T> a, Matrix<T> b, T* c) {
  const Turn turn(turns());
  call(library().*gemm, m, n, k, a, b, c);
}

}  // namespace

void product(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<float> a, Matrix<float> b,
             float* c) {
  product_in_turn(&Library::sgemm, m, n, k, a, b, c);
}
void product(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<double> a, Matrix<double> b,
             double* c) {
  product_in_turn(&Library::dgemm, m, n, k, a, b, c);
}

void prepare() { const Turn turn(turns()); }

}  // namespace shardproof::blas
