#pragma once

#include <cstdint>
#include <string>

namespace shardproof::real::cpu {

/// Row-major operand of a product, stored as (rows, columns), used as is or transposed.
template <class C>
struct Operand {
  const C* data;
  std::int64_t leading;  // elements from one stored row to the next
  bool transposed;
};

/// c (m, n) = a (m, k) b (k, n), by OpenBLAS on one thread. The order of the sums is the library's.
/// Any of m, n, k may be 0: an empty sum is 0.
template <class C>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<C> a, Operand<C> b, C* c);

/// "OpenBLAS 0.3.21 ... SkylakeX": the library and the kernels that it chose for this processor.
std::string blas_library_version();

/// Makes OpenBLAS compute on the calling thread only.
void use_one_blas_thread();

/// Makes OpenBLAS take its work space, if it has none yet. Throws EnvironmentError if there is none
/// to be had.
void take_blas_work_space();

}  // namespace shardproof::real::cpu
