#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "real/cuda/device.hpp"
#include "real/tensor_view.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// Row-major operand of a product: stored in rows of `leading` elements, used as is or transposed.
struct Factor {
  TensorView tensor;
  std::int64_t leading;
  bool transposed;
};

/// c (m, n) = a (m, k) b (k, n), row-major and dense.
struct Product {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  Factor a;
  Factor b;
  TensorView c;

  /// "fp32 (4, 5) x (3, 5)^T": dtype, and the operands as they are stored.
  std::string text() const;
};

/// Products of fp32 or of fp64 matrices by cuBLASLt.
///
/// Nothing is rounded but to the compute dtype: pedantic modes, hence neither TF32 nor emulation,
/// and no partial results (split-K) that are added later. The algorithm of a shape is what the
/// library's heuristic says first; it is asked once, and every product of that shape then uses it.
class Products {
 public:
  /// On the current device of the thread. EnvironmentError if the library does not start.
  Products();
  ~Products();
  Products(const Products&) = delete;
  Products& operator=(const Products&) = delete;

  /// All three tensors are of one dtype, fp32 or fp64; m, n, k > 0. `workspace`:
  /// CudaDevice::kWorkspaceBytes bytes. EnvironmentError, with the shape, if the library has no
  /// algorithm that is allowed, or refuses.
  void multiply(const Product& product, std::byte* workspace, cudaStream_t stream);

  /// "cublaslt": the version; "cublaslt fp32 (4, 5) x (3, 5)^T": "algorithm 5, tile 20, ...", for
  /// each shape until now.
  std::map<std::string, std::string> settings() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace shardproof::real::SHARDPROOF_GPU
