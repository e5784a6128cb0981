// Simple and slow. What the engine sets is understood or refused; what it says of a product is
// checked against what it asks for.
#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

struct ProductLibrary {};

struct ProductOperation {
  cudaDataType_t compute;
  bool transpose_a = false;
  bool transpose_b = false;
};

struct ProductLayout {
  cudaDataType_t type;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t ld;
};

// The defaults are the real library's.
struct ProductPreference {
  std::uint64_t workspace_bytes = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment[4] = {256, 256, 256, 256};  // of a, b, c, d
};

namespace {

/// What a cublasLtMatmulAlgo_t holds: an algorithm, and the product that it was asked for.
struct Algorithm {
  std::int32_t id;
  std::int32_t split_k;
  std::uint32_t reduction;
  std::uint32_t alignment;  // bytes, of each matrix
  std::uint64_t workspace_bytes;
  std::int64_t m, n, k;
  bool transpose_a, transpose_b, is_fp64;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

Algorithm read(const cublasLtMatmulAlgo_t& algo) {
  Algorithm algorithm;
  std::memcpy(&algorithm, &algo, sizeof algorithm);
  return algorithm;
}
cublasLtMatmulAlgo_t written(const Algorithm& algorithm) {
  cublasLtMatmulAlgo_t algo{};
  std::memcpy(&algo, &algorithm, sizeof algorithm);
  return algo;
}

/// The promised workspace is small: it is there to be overwritten.
constexpr std::uint64_t kWorkspaceBytes = 4096;

std::size_t size_of(cudaDataType_t type) { return type == CUDA_R_64F ? 8 : 4; }

/// The product without an algorithm; with k < 0 if the layouts make none.
Algorithm product_of(const ProductOperation& operation, const ProductLayout& a,
                     const ProductLayout& b, const ProductLayout& d) {
  const std::int64_t k = operation.transpose_a ? a.rows : a.columns;
  const bool fits = (operation.transpose_a ? a.columns : a.rows) == d.rows &&
                    (operation.transpose_b ? b.rows : b.columns) == d.columns &&
                    (operation.transpose_b ? b.columns : b.rows) == k;
  const bool of_one_type =
      a.type == operation.compute && b.type == operation.compute && d.type == operation.compute;
  return {.id = 0,
          .split_k = 1,
          .reduction = CUBLASLT_REDUCTION_SCHEME_NONE,
          .alignment = 0,
          .workspace_bytes = 0,
          .m = d.rows,
          .n = d.columns,
          .k = fits && of_one_type ? k : -1,
          .transpose_a = operation.transpose_a,
          .transpose_b = operation.transpose_b,
          .is_fp64 = operation.compute == CUDA_R_64F};
}

bool is_same(const ProductLayout& a, const ProductLayout& b) {
  return a.type == b.type && a.rows == b.rows && a.columns == b.columns && a.ld == b.ld;
}

/// Of an attribute: its size must be that of what it holds.
template <class T>
cublasStatus_t take(T& to, const void* value, std::size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
template <class T>
cublasStatus_t give(const T& from, void* value, std::size_t bytes, std::size_t* written) {
  if (value == nullptr || bytes != sizeof(T)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(value, &from, bytes);
  if (written != nullptr) *written = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

template <class Object>
cublasStatus_t destroy(Object* object) {
  delete object;
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "an unknown status";
}

std::size_t cublasLtGetVersion() { return 130000; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new ProductLibrary;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation,
                                        cublasComputeType_t compute, cudaDataType_t scale) {
  const bool in_fp32 = compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC;
  const bool in_fp64 = compute == CUBLAS_COMPUTE_64F || compute == CUBLAS_COMPUTE_64F_PEDANTIC;
  if (!in_fp32 && !in_fp64) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (scale != (in_fp64 ? CUDA_R_64F : CUDA_R_32F)) return CUBLAS_STATUS_NOT_SUPPORTED;
  *operation = new ProductOperation{.compute = scale};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) {
  return destroy(operation);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  if (attribute != CUBLASLT_MATMUL_DESC_TRANSA && attribute != CUBLASLT_MATMUL_DESC_TRANSB)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  cublasOperation_t asked = CUBLAS_OP_N;
  if (const auto status = take(asked, value, bytes); status != CUBLAS_STATUS_SUCCESS) return status;
  if (asked != CUBLAS_OP_N && asked != CUBLAS_OP_T) return CUBLAS_STATUS_NOT_SUPPORTED;
  (attribute == CUBLASLT_MATMUL_DESC_TRANSA ? operation->transpose_a : operation->transpose_b) =
      asked == CUBLAS_OP_T;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t ld) {
  if (type != CUDA_R_32F && type != CUDA_R_64F) return CUBLAS_STATUS_NOT_SUPPORTED;
  const auto height = static_cast<std::int64_t>(rows), width = static_cast<std::int64_t>(columns);
  if (height <= 0 || width <= 0 || ld < height) return CUBLAS_STATUS_INVALID_VALUE;
  *layout = new ProductLayout{type, height, width, ld};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy(layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new ProductPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return take(preference->workspace_bytes, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return take(preference->reductions, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return take(preference->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES],
                  value, bytes);
    default: return CUBLAS_STATUS_NOT_SUPPORTED;
  }
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int asked,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* found) {
  *found = 0;
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  Algorithm plain = product_of(*operation, *a, *b, *d);
  if (asked <= 0 || plain.k < 0 || !is_same(*c, *d)) return CUBLAS_STATUS_INVALID_VALUE;
  const std::uint32_t bears = *std::ranges::min_element(preference->alignment);
  plain.id = 1;
  plain.alignment = static_cast<std::uint32_t>(size_of(operation->compute));
  plain.workspace_bytes = std::min(preference->workspace_bytes, kWorkspaceBytes);
  Algorithm split = plain;
  split.id = 2;
  split.split_k = 2;
  split.reduction = CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
  Algorithm aligned = plain;
  aligned.id = 3;
  aligned.alignment = 16;
  for (const Algorithm& algorithm : {split, aligned, plain}) {
    const bool allowed = algorithm.alignment <= bears &&
                         (preference->reductions & algorithm.reduction) == algorithm.reduction;
    if (!allowed || *found == asked) continue;
    results[(*found)++] = {.algo = written(algorithm),
                           .workspaceSize = algorithm.workspace_bytes,
                           .state = CUBLAS_STATUS_SUCCESS,
                           .wavesCount = 1,
                           .reserved = {}};
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void* value, std::size_t bytes,
                                                    std::size_t* written) {
  const Algorithm algorithm = read(*algo);
  switch (attribute) {
    case CUBLASLT_ALGO_CONFIG_ID: return give(algorithm.id, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_SPLITK_NUM: return give(algorithm.split_k, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME:
      return give(algorithm.reduction, value, bytes, written);
    case CUBLASLT_ALGO_CONFIG_TILE_ID:
    case CUBLASLT_ALGO_CONFIG_STAGES_ID: return give(std::uint32_t{0}, value, bytes, written);
  }
  return CUBLAS_STATUS_NOT_SUPPORTED;
}

namespace {

/// A matrix of the device, and how it lies.
struct Matrix {
  const void* data;
  ProductLayout layout;

  std::size_t element_bytes() const { return size_of(layout.type); }
  const std::byte* column(std::int64_t j) const {
    return static_cast<const std::byte*>(data) +
           static_cast<std::size_t>(j * layout.ld) * element_bytes();
  }
  std::size_t column_bytes() const {
    return static_cast<std::size_t>(layout.rows) * element_bytes();
  }
  const std::byte* end() const { return column(layout.columns - 1) + column_bytes(); }
};

bool overlie(const Matrix& a, const Matrix& b) {
  return a.column(0) < b.end() && b.column(0) < a.end();
}

/// Its elements by columns, or those of its transpose, as close as they can lie.
template <class C>
std::vector<C> gathered(const Matrix& x, bool transposed) {
  const auto rows = static_cast<std::size_t>(x.layout.rows);
  const auto columns = static_cast<std::size_t>(x.layout.columns);
  std::vector<C> all(rows * columns);
  for (std::size_t j = 0; j < columns; ++j) {
    const std::byte* from = checked_read(x.column(static_cast<std::int64_t>(j)), x.column_bytes());
    for (std::size_t i = 0; i < rows; ++i)
      std::memcpy(&all[transposed ? i * columns + j : j * rows + i], from + i * sizeof(C),
                  sizeof(C));
  }
  return all;
}

/// One column of a (m, k) b (k, n) over terms [begin, end) of k, ascending.
template <class C>
std::vector<C> column_over(const Algorithm& p, const std::vector<C>& a, const C* b,
                           std::int64_t begin, std::int64_t end) {
  std::vector<C> sums(static_cast<std::size_t>(p.m), C{0});
  for (std::int64_t l = begin; l < end; ++l) {
    const C* const column = a.data() + l * p.m;
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += column[i] * b[l];
  }
  return sums;
}

template <class C>
void multiply(const Algorithm& p, const Matrix& a, const Matrix& b, const Matrix& d) {
  const std::vector<C> left = gathered<C>(a, p.transpose_a), right = gathered<C>(b, p.transpose_b);
  for (std::int64_t j = 0; j < p.n; ++j) {
    const C* const factors = right.data() + j * p.k;
    const std::int64_t half = p.split_k == 2 ? p.k / 2 : p.k;
    std::vector<C> sums = column_over(p, left, factors, 0, half);
    const std::vector<C> rest = column_over(p, left, factors, half, p.k);
    if (p.split_k == 2)
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += rest[i];
    std::memcpy(checked_write(const_cast<std::byte*>(d.column(j)), d.column_bytes()), sums.data(),
                d.column_bytes());
  }
}

bool is_value(const void* factor, cudaDataType_t type, double value) {
  if (type == CUDA_R_64F) return *static_cast<const double*>(factor) == value;
  return static_cast<double>(*static_cast<const float*>(factor)) == value;
}

void expect_places(const Algorithm& p, const Matrix& a, const Matrix& b, const Matrix& d) {
  for (const Matrix* x : {&a, &b, &d})
    if (reinterpret_cast<std::uintptr_t>(x->data) % p.alignment != 0)
      fail("algorithm " + std::to_string(p.id) + " needs matrices that begin at multiples of " +
           std::to_string(p.alignment) + " bytes");
  if (overlie(a, d) || overlie(b, d)) fail("the result overlies an operand");
}

}  // namespace

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, std::size_t workspace_bytes, cudaStream_t stream) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  // Without an algorithm the real library asks its heuristic: nothing is pinned then.
  if (algo == nullptr) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!is_value(alpha, operation->compute, 1) || !is_value(beta, operation->compute, 0) || c != d)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  const Algorithm p = read(*algo);
  const Algorithm asked = product_of(*operation, *a_layout, *b_layout, *d_layout);
  const bool is_the_product = p.m == asked.m && p.n == asked.n && p.k == asked.k &&
                              p.transpose_a == asked.transpose_a &&
                              p.transpose_b == asked.transpose_b && p.is_fp64 == asked.is_fp64;
  if (p.id == 0 || !is_the_product || !is_same(*c_layout, *d_layout) ||
      workspace_bytes < p.workspace_bytes)
    return CUBLAS_STATUS_INVALID_VALUE;
  enqueue(stream, "cublasLtMatmul",
          [p, workspace, left = Matrix{a, *a_layout}, right = Matrix{b, *b_layout},
           result = Matrix{d, *d_layout}] {
            expect_places(p, left, right, result);
            if (p.workspace_bytes > 0)
              std::memset(checked_write(workspace, p.workspace_bytes), 0xff, p.workspace_bytes);
            p.is_fp64 ? multiply<double>(p, left, right, result)
                      : multiply<float>(p, left, right, result);
          });
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace shardproof::sim::gpu
