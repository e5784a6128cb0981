#pragma once

#include <string>

namespace shardproof::blas {

/// C's interface to a product, cblas_sgemm or cblas_dgemm, with integers for its enumerations, too:
/// order 101 is row-major; 111 reads a factor as it stands, 112 transposed.
template <class T>
using Gemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, T alpha,
                      const T* a, int leading_a, const T* b, int leading_b, T beta, T* c,
                      int leading_c);

/// OpenBLAS, as this process has loaded it.
struct Library {
  Gemm<float> sgemm = nullptr;
  Gemm<double> dgemm = nullptr;
  /// Products may be computed by several threads at once. The serial build has one work space.
  bool is_concurrent = false;
  std::string kernel;     // "Zen": what it computes with on this processor
  std::string chosen_by;  // "the processor's features"
  std::string version;    // "OpenBLAS 0.3.21 ...", by itself

  /// For people: "OpenBLAS 0.3.21 ... kernels for Zen, by the processor's features".
  std::string description() const;
};

/// Loaded when it is first asked for, with one thread for each product and the kernel that fits the
/// processor's features (docs/decisions/0008-blas.md); a user's OPENBLAS_CORETYPE goes before them.
/// It reads that from the environment, which is put back afterwards: ask before there are threads
/// that read the environment. Throws EnvironmentError if it cannot be loaded.
const Library& library();

}  // namespace shardproof::blas
