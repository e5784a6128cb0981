// cuBLASLt knows matrices by columns. A row-major matrix is, read by columns, its own transpose; so
// c^T (n, m) = b^T (n, k) a^T (k, m) is asked for, and no operand is moved.
#include <cublasLt.h>

#include <tuple>

#include "real/cuda/products.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {
std::string stored(const Factor& x, std::int64_t rows, std::int64_t columns) {
  return x.transposed ? to_string(Shape{columns, rows}) + "^T" : to_string(Shape{rows, columns});
}

void check(cublasStatus_t status, const char* call, const std::string& about) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw EnvironmentError(std::string(call) + " of " + about + ": " +
                         cublasLtGetStatusString(status));
}

/// What the library calls by a handle, destroyed with it.
template <class Handle, cublasStatus_t (*destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_ != nullptr) destroy(handle_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle* to_create() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using Library = Owned<cublasLtHandle_t, cublasLtDestroy>;
using Operation = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

cudaDataType_t type_of(Dtype dtype) { return dtype == Dtype::fp64 ? CUDA_R_64F : CUDA_R_32F; }

/// All that the choice of an algorithm depends on. Operands are dense: their leading dimensions
/// follow.
using ShapeKey = std::tuple<Dtype, std::int64_t, std::int64_t, std::int64_t, bool, bool>;
ShapeKey key_of(const Product& p) {
  return {p.c.dtype, p.m, p.n, p.k, p.a.transposed, p.b.transposed};
}

/// A product of one shape as the library knows it, and how it is computed.
class PinnedProduct {
 public:
  PinnedProduct(cublasLtHandle_t library, const Product& p) : about_(p.text()) {
    const cudaDataType_t type = type_of(p.c.dtype);
    check(cublasLtMatmulDescCreate(
              operation_.to_create(),
              p.c.dtype == Dtype::fp64 ? CUBLAS_COMPUTE_64F_PEDANTIC : CUBLAS_COMPUTE_32F_PEDANTIC,
              type),
          "cublasLtMatmulDescCreate", about_);
    transpose(CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed);
    transpose(CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed);
    create(b_, type, p.b, p.k, p.n);
    create(a_, type, p.a, p.m, p.k);
    create(c_, type, {p.c, p.n, false}, p.m, p.n);
    choose(library, size_bytes(p.c.dtype));
  }

  void run(cublasLtHandle_t library, const Product& p, std::byte* workspace,
           cudaStream_t stream) const {
    p.c.dtype == Dtype::fp64 ? run_in(double{}, library, p, workspace, stream)
                             : run_in(float{}, library, p, workspace, stream);
  }

  const std::string& about() const { return about_; }
  std::string algorithm() const {
    return "algorithm " + std::to_string(config<std::int32_t>(CUBLASLT_ALGO_CONFIG_ID)) +
           ", tile " + std::to_string(config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_TILE_ID)) +
           ", stages " + std::to_string(config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_STAGES_ID)) +
           ", split-K " + std::to_string(config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM)) +
           ", reduction " +
           std::to_string(config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME));
  }

 private:
  void transpose(cublasLtMatmulDescAttributes_t which, bool transposed) {
    const cublasOperation_t operation = transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(cublasLtMatmulDescSetAttribute(operation_.get(), which, &operation, sizeof operation),
          "cublasLtMatmulDescSetAttribute", about_);
  }

  /// x is used as (rows, columns).
  void create(Layout& layout, cudaDataType_t type, const Factor& x, std::int64_t rows,
              std::int64_t columns) {
    if (x.transposed) std::swap(rows, columns);
    check(cublasLtMatrixLayoutCreate(layout.to_create(), type, static_cast<std::uint64_t>(columns),
                                     static_cast<std::uint64_t>(rows), x.leading),
          "cublasLtMatrixLayoutCreate", about_);
  }

  template <class T>
  void prefer(const Preference& preference, cublasLtMatmulPreferenceAttributes_t what, T value) {
    check(cublasLtMatmulPreferenceSetAttribute(preference.get(), what, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute", about_);
  }

  /// Tensors begin at any element: an algorithm that asks for more alignment than that would be the
  /// choice of one address and not of the shape.
  void choose(cublasLtHandle_t library, std::size_t element_bytes) {
    Preference preference;
    check(cublasLtMatmulPreferenceCreate(preference.to_create()), "cublasLtMatmulPreferenceCreate",
          about_);
    prefer(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
           std::uint64_t{CudaDevice::kWorkspaceBytes});
    prefer(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
    for (const auto operand :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(preference, operand, static_cast<std::uint32_t>(element_bytes));
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t answer =
        cublasLtMatmulAlgoGetHeuristic(library, operation_.get(), b_.get(), a_.get(), c_.get(),
                                       c_.get(), preference.get(), 1, &best, &found);
    if (answer == CUBLAS_STATUS_NOT_SUPPORTED || (answer == CUBLAS_STATUS_SUCCESS && found == 0))
      throw EnvironmentError("cuBLASLt has no algorithm without split-K for the product " + about_);
    check(answer, "cublasLtMatmulAlgoGetHeuristic", about_);
    check(best.state, "cublasLtMatmulAlgoGetHeuristic", about_);
    algo_ = best.algo;
    if (config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM) > 1 ||
        config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) !=
            CUBLASLT_REDUCTION_SCHEME_NONE)
      throw EnvironmentError("cuBLASLt would add partial results in the product " + about_ + ": " +
                             algorithm());
  }

  template <class T>
  T config(cublasLtMatmulAlgoConfigAttributes_t what) const {
    T value{};
    std::size_t written = 0;
    check(cublasLtMatmulAlgoConfigGetAttribute(&algo_, what, &value, sizeof value, &written),
          "cublasLtMatmulAlgoConfigGetAttribute", about_);
    return value;
  }

  template <class C>
  void run_in(C, cublasLtHandle_t library, const Product& p, std::byte* workspace,
              cudaStream_t stream) const {
    const C one = 1, zero = 0;  // c is not read
    check(cublasLtMatmul(library, operation_.get(), &one, p.b.tensor.data, b_.get(),
                         p.a.tensor.data, a_.get(), &zero, p.c.data, c_.get(), p.c.data, c_.get(),
                         &algo_, workspace, CudaDevice::kWorkspaceBytes, stream),
          "cublasLtMatmul", about_);
  }

  std::string about_;
  Operation operation_;
  Layout a_, b_, c_;
  cublasLtMatmulAlgo_t algo_{};
};
}  // namespace

std::string Product::text() const {
  return std::string(name_of(c.dtype)) + " " + stored(a, m, k) + " x " + stored(b, k, n);
}

struct Products::State {
  Library library;
  std::map<ShapeKey, PinnedProduct> pinned;
};

Products::Products() : state_(std::make_unique<State>()) {
  check(cublasLtCreate(state_->library.to_create()), "cublasLtCreate", "this device");
}
Products::~Products() = default;

void Products::multiply(const Product& p, std::byte* workspace, cudaStream_t stream) {
  SHARDPROOF_EXPECTS(p.a.tensor.dtype == p.c.dtype && p.b.tensor.dtype == p.c.dtype &&
                         (p.c.dtype == Dtype::fp32 || p.c.dtype == Dtype::fp64),
                     p.text());
  const auto [at, isnew] = state_->pinned.try_emplace(key_of(p), state_->library.get(), p);
  at->second.run(state_->library.get(), p, workspace, stream);
}

std::map<std::string, std::string> Products::settings() const {
  std::map<std::string, std::string> all{{"cublaslt", std::to_string(cublasLtGetVersion())}};
  for (const auto& [key, product] : state_->pinned)
    all["cublaslt " + product.about()] = product.algorithm();
  return all;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
