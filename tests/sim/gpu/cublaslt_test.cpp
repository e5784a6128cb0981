#include <cublasLt.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "scenarios/errors.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

namespace {

/// Numbers on the device; `from` elements behind the start of their allocation.
template <class C>
class Numbers {
 public:
  explicit Numbers(const std::vector<C>& values, std::size_t from = 0) : count_(values.size()) {
    BOOST_REQUIRE(cudaMalloc(&block_, (from + count_) * sizeof(C)) == cudaSuccess);
    data_ = static_cast<C*>(block_) + from;
    cudaMemcpy(data_, values.data(), count_ * sizeof(C), cudaMemcpyHostToDevice);
  }
  ~Numbers() { cudaFree(block_); }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;

  C* data() const { return data_; }
  std::vector<C> read() const {
    std::vector<C> values(count_);
    cudaMemcpy(values.data(), data_, count_ * sizeof(C), cudaMemcpyDeviceToHost);
    return values;
  }

 private:
  void* block_ = nullptr;
  C* data_ = nullptr;
  std::size_t count_;
};

struct Shape {
  std::uint64_t rows, columns;
};

/// A product d = op(a) op(b) of fp32 matrices by columns, from its description to the library's
/// answer.
struct Product {
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t operation = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t best{};
  float alpha = 1, beta = 0;

  Product(Shape of_a, Shape of_b, Shape of_d) {
    cublasLtCreate(&handle);
    cublasLtMatmulDescCreate(&operation, CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F);
    lay(a, of_a);
    lay(b, of_b);
    lay(d, of_d);
    cublasLtMatmulPreferenceCreate(&preference);
  }
  ~Product() {
    cublasLtMatmulPreferenceDestroy(preference);
    for (const cublasLtMatrixLayout_t layout : {a, b, d}) cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(operation);
    cublasLtDestroy(handle);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  static void lay(cublasLtMatrixLayout_t& layout, Shape shape) {
    cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, shape.rows, shape.columns,
                               static_cast<std::int64_t>(shape.rows));
  }
  void transpose(cublasLtMatmulDescAttributes_t which) {
    const cublasOperation_t transposed = CUBLAS_OP_T;
    BOOST_TEST((cublasLtMatmulDescSetAttribute(operation, which, &transposed, sizeof transposed) ==
                CUBLAS_STATUS_SUCCESS));
  }
  template <class T>
  void prefer(cublasLtMatmulPreferenceAttributes_t what, T value) {
    BOOST_TEST((cublasLtMatmulPreferenceSetAttribute(preference, what, &value, sizeof value) ==
                CUBLAS_STATUS_SUCCESS));
  }
  void prefer_one_sum() {
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
  }
  int choose() {
    int found = 0;
    BOOST_TEST((cublasLtMatmulAlgoGetHeuristic(handle, operation, a, b, d, d, preference, 1, &best,
                                               &found) == CUBLAS_STATUS_SUCCESS));
    return found;
  }
  template <class T>
  T config(cublasLtMatmulAlgoConfigAttributes_t what) const {
    T value{};
    cublasLtMatmulAlgoConfigGetAttribute(&best.algo, what, &value, sizeof value, nullptr);
    return value;
  }
  cublasStatus_t run(const float* x, const float* y, float* to, void* workspace = nullptr,
                     std::size_t bytes = 0) {
    return cublasLtMatmul(handle, operation, &alpha, x, a, y, b, &beta, to, d, to, d, &best.algo,
                          workspace, bytes, nullptr);
  }
};

/// What the device finds wrong in the work that it was asked for.
std::string finding() {
  try {
    cudaDeviceSynchronize();
  } catch (const InvariantError& error) {
    return error.what();
  }
  return "nothing";
}

/// Each test starts with a device that nothing was asked of.
struct Fresh {
  Fresh() { reset(); }
  ~Fresh() { reset(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cublaslt, Fresh)

// By columns: a = (1 3; 2 4), b = (5 7; 6 8).
BOOST_AUTO_TEST_CASE(products_by_hand_plain_and_transposed) {
  const Numbers<float> a({1, 2, 3, 4}), b({5, 6, 7, 8}), d({0, 0, 0, 0});
  Product plain({2, 2}, {2, 2}, {2, 2}), transposed({2, 2}, {2, 2}, {2, 2});
  transposed.transpose(CUBLASLT_MATMUL_DESC_TRANSA);
  for (Product* product : {&plain, &transposed}) {
    product->prefer_one_sum();
    BOOST_TEST(product->choose() == 1);
  }

  plain.run(a.data(), b.data(), d.data());
  BOOST_TEST(d.read() == (std::vector<float>{23, 34, 31, 46}), boost::test_tools::per_element());
  transposed.run(a.data(), b.data(), d.data());
  BOOST_TEST(d.read() == (std::vector<float>{17, 39, 23, 53}), boost::test_tools::per_element());
}

// In fp32, 2^24 + 1 is a tie and goes to 2^24: all four in a row give 2^24, two and two 2^24 + 2.
BOOST_AUTO_TEST_CASE(who_forbids_no_partial_sums_gets_them_and_other_bits) {
  const Numbers<float> a({0x1p24F, 1, 1, 1}), b({1, 1, 1, 1}), d({0});
  Product product({1, 4}, {4, 1}, {1, 1});
  BOOST_TEST(product.choose() == 1);
  BOOST_TEST(product.config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM) == 2);
  product.run(a.data(), b.data(), d.data());
  BOOST_TEST(d.read()[0] == 0x1p24F + 2);

  product.prefer_one_sum();
  BOOST_TEST(product.choose() == 1);
  BOOST_TEST(product.config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM) == 1);
  product.run(a.data(), b.data(), d.data());
  BOOST_TEST(d.read()[0] == 0x1p24F);
}

BOOST_AUTO_TEST_CASE(an_algorithm_that_needs_alignment_does_not_bear_an_odd_place) {
  const Numbers<float> a({1, 1}, 1), b({1, 1}), d({0});
  Product product({1, 2}, {2, 1}, {1, 1});
  product.choose();
  product.run(a.data(), b.data(), d.data());
  BOOST_TEST(tests::error_of<InvariantError>([] {
               cudaDeviceSynchronize();
             }).find("multiples of 16 bytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_workspace_that_was_promised_is_overwritten) {
  const Numbers<float> a({1}), b({2}), d({0}), kept(std::vector<float>(1024, 7));
  Product product({1, 1}, {1, 1}, {1, 1});
  product.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{4096});
  product.choose();
  BOOST_TEST(product.best.workspaceSize == 4096U);
  BOOST_TEST((product.run(a.data(), b.data(), d.data(), kept.data(), 4095) ==
              CUBLAS_STATUS_INVALID_VALUE));
  product.run(a.data(), b.data(), d.data(), kept.data(), 4096);
  BOOST_TEST(d.read()[0] == 2);
  for (const float value : kept.read()) BOOST_TEST(std::isnan(value));
}

BOOST_AUTO_TEST_CASE(a_result_that_overlies_an_operand_is_a_finding) {
  const Numbers<float> a({1, 2, 3}), b({2});
  Product product({2, 1}, {1, 1}, {2, 1});
  product.prefer_one_sum();
  product.choose();
  product.run(a.data(), b.data(), a.data() + 1);
  BOOST_TEST(tests::error_of<InvariantError>([] {
               cudaDeviceSynchronize();
             }).find("overlies an operand") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_not_understood_is_refused) {
  Product product({2, 3}, {3, 4}, {2, 4});
  const std::uint32_t epilogue = 1;
  BOOST_TEST(
      (cublasLtMatmulDescSetAttribute(product.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue,
                                      sizeof epilogue) == CUBLAS_STATUS_NOT_SUPPORTED));
  BOOST_TEST((cublasLtMatmulPreferenceSetAttribute(
                  product.preference, CUBLASLT_MATMUL_PREF_SEARCH_MODE, &epilogue,
                  sizeof epilogue) == CUBLAS_STATUS_NOT_SUPPORTED));
  BOOST_TEST((cublasLtMatmulPreferenceSetAttribute(
                  product.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &epilogue,
                  sizeof epilogue) == CUBLAS_STATUS_INVALID_VALUE));
  cublasLtMatmulDesc_t fast = nullptr;
  BOOST_TEST((cublasLtMatmulDescCreate(&fast, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F) ==
              CUBLAS_STATUS_NOT_SUPPORTED));
  cublasLtMatrixLayout_t half = nullptr;
  BOOST_TEST(
      (cublasLtMatrixLayoutCreate(&half, CUDA_R_16BF, 1, 1, 1) == CUBLAS_STATUS_NOT_SUPPORTED));
  BOOST_TEST(
      (cublasLtMatrixLayoutCreate(&half, CUDA_R_32F, 2, 2, 1) == CUBLAS_STATUS_INVALID_VALUE));

  const Numbers<float> a(std::vector<float>(6)), b(std::vector<float>(12)),
      d(std::vector<float>(8));
  product.choose();
  product.beta = 1;
  BOOST_TEST((product.run(a.data(), b.data(), d.data()) == CUBLAS_STATUS_NOT_SUPPORTED));
}

BOOST_AUTO_TEST_CASE(matrices_that_do_not_fit_and_algorithms_of_other_products_are_refused) {
  Product product({2, 3}, {3, 4}, {2, 4}), other({2, 3}, {3, 1}, {2, 1}),
      odd({2, 3}, {4, 4}, {2, 4});
  int found = 0;
  BOOST_TEST((cublasLtMatmulAlgoGetHeuristic(odd.handle, odd.operation, odd.a, odd.b, odd.d, odd.d,
                                             odd.preference, 1, &odd.best,
                                             &found) == CUBLAS_STATUS_INVALID_VALUE));
  const Numbers<float> a(std::vector<float>(6)), b(std::vector<float>(12)),
      d(std::vector<float>(8));
  other.choose();
  product.best = other.best;
  BOOST_TEST((product.run(a.data(), b.data(), d.data()) == CUBLAS_STATUS_INVALID_VALUE));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::sim::gpu
