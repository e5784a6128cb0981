#pragma once

#include <cstdint>

namespace shardproof::blas {

/// Row-major factor of a product, stored as (rows, columns), used as is or transposed.
template <class T>
struct Matrix {
  const T* data;
  std::int64_t leading;  // elements from one stored row to the next
  bool transposed;
};

/// c (m, n) = a (m, k) b (k, n), by OpenBLAS on the calling thread. None of m, n, k is 0. The order
/// of the sums is the library's, and for one kernel depends on m, n, k and the transpositions only.
/// Threads may call it at once: they compute side by side where the library is built for that and
/// there is memory for their work spaces (128 MiB of addresses each), else in turn. The bits are
/// the same.
///
/// The first call of a process holds the kernel against plain loops. Throws EnvironmentError if it
/// is wrong, or the library cannot be loaded, or has no memory.
void product(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<float> a, Matrix<float> b,
             float* c);
void product(std::int64_t m, std::int64_t n, std::int64_t k, Matrix<double> a, Matrix<double> b,
             double* c);

/// Does what the first call would do. Ask before there are threads that read the environment.
void prepare();

}  // namespace shardproof::blas
