#include <cublasLt.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "tests/sim/gpu/gpu.hpp"

namespace shardproof::sim::gpu {

namespace {

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
  cublasStatus_t run(cudaStream_t stream, const float* x, const float* y, float* to,
                     void* workspace = nullptr, std::size_t bytes = 0) {
    return cublasLtMatmul(handle, operation, &alpha, x, a, y, b, &beta, to, d, to, d, &best.algo,
                          workspace, bytes, stream);
  }
};

}  // namespace

using Floats = std::vector<float>;

BOOST_FIXTURE_TEST_SUITE(cublaslt, Gpu)

// By columns: a = (1 3; 2 4), b = (5 7; 6 8).
BOOST_AUTO_TEST_CASE(products_by_hand_plain_and_transposed) {
  float* const a = filled(Floats{1, 2, 3, 4});
  float* const b = filled(Floats{5, 6, 7, 8});
  float* const d = filled(Floats{0, 0, 0, 0});
  Product plain({2, 2}, {2, 2}, {2, 2}), transposed({2, 2}, {2, 2}, {2, 2});
  transposed.transpose(CUBLASLT_MATMUL_DESC_TRANSA);
  for (Product* product : {&plain, &transposed}) {
    product->prefer_one_sum();
    BOOST_TEST(product->choose() == 1);
  }

  plain.run(compute, a, b, d);
  BOOST_TEST(read(d, 4) == (Floats{23, 34, 31, 46}), boost::test_tools::per_element());
  transposed.run(compute, a, b, d);
  BOOST_TEST(read(d, 4) == (Floats{17, 39, 23, 53}), boost::test_tools::per_element());
}

// In fp32, 2^24 + 1 is a tie and goes to 2^24: all four in a row give 2^24, two and two 2^24 + 2.
BOOST_AUTO_TEST_CASE(who_forbids_no_partial_sums_gets_them_and_other_bits) {
  float* const a = filled(Floats{0x1p24F, 1, 1, 1});
  float* const b = filled(Floats{1, 1, 1, 1});
  float* const d = filled(Floats{0});
  Product product({1, 4}, {4, 1}, {1, 1});
  BOOST_TEST(product.choose() == 1);
  BOOST_TEST(product.config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM) == 2);
  product.run(compute, a, b, d);
  BOOST_TEST(read(d, 1)[0] == 0x1p24F + 2);

  product.prefer_one_sum();
  BOOST_TEST(product.choose() == 1);
  BOOST_TEST(product.config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM) == 1);
  product.run(compute, a, b, d);
  BOOST_TEST(read(d, 1)[0] == 0x1p24F);
}

BOOST_AUTO_TEST_CASE(who_promises_an_alignment_is_held_to_it) {
  float* const a = filled(Floats{0, 1, 1}) + 1;
  float* const b = filled(Floats{1, 1});
  float* const d = filled(Floats{0});
  Product product({1, 2}, {2, 1}, {1, 1});
  product.prefer_one_sum();
  product.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{4});
  product.choose();
  product.run(compute, a, b, d);
  BOOST_TEST(read(d, 1)[0] == 2);

  product.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, std::uint32_t{256});
  product.choose();
  product.run(compute, a, b, d);
  check_names(finding([] { cudaDeviceSynchronize(); }),
              {"cublasLtMatmul", "multiples of 16 bytes"});
}

BOOST_AUTO_TEST_CASE(the_workspace_that_was_promised_is_overwritten) {
  float* const a = filled(Floats{1});
  float* const b = filled(Floats{2});
  float* const d = filled(Floats{0});
  float* const kept = filled(Floats(1024, 7));
  Product product({1, 1}, {1, 1}, {1, 1});
  product.prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{4096});
  product.choose();
  BOOST_TEST(product.best.workspaceSize == 4096U);
  BOOST_TEST((product.run(compute, a, b, d, kept, 4095) == CUBLAS_STATUS_INVALID_VALUE));
  product.run(compute, a, b, d, kept, 4096);
  BOOST_TEST(read(d, 1)[0] == 2);
  for (const float value : read(kept, 1024)) BOOST_TEST(std::isnan(value));
}

BOOST_AUTO_TEST_CASE(a_result_that_overlies_an_operand_is_a_finding) {
  float* const a = filled(Floats{1, 2, 3});
  float* const b = filled(Floats{2});
  Product product({2, 1}, {1, 1}, {2, 1});
  product.prefer_one_sum();
  product.prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, std::uint32_t{4});
  product.choose();
  product.run(compute, a, b, a + 1);
  check_names(finding([] { cudaDeviceSynchronize(); }), {"cublasLtMatmul", "overlies an operand"});
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

  float* const a = filled(Floats(6));
  float* const b = filled(Floats(12));
  float* const d = filled(Floats(8));
  product.choose();
  product.beta = 1;
  BOOST_TEST((product.run(compute, a, b, d) == CUBLAS_STATUS_NOT_SUPPORTED));
}

BOOST_AUTO_TEST_CASE(matrices_that_do_not_fit_and_algorithms_of_other_products_are_refused) {
  Product product({2, 3}, {3, 4}, {2, 4}), other({2, 3}, {3, 1}, {2, 1}),
      odd({2, 3}, {4, 4}, {2, 4});
  int found = 0;
  BOOST_TEST((cublasLtMatmulAlgoGetHeuristic(odd.handle, odd.operation, odd.a, odd.b, odd.d, odd.d,
                                             odd.preference, 1, &odd.best,
                                             &found) == CUBLAS_STATUS_INVALID_VALUE));
  float* const a = filled(Floats(6));
  float* const b = filled(Floats(12));
  float* const d = filled(Floats(8));
  other.choose();
  product.best = other.best;
  BOOST_TEST((product.run(compute, a, b, d) == CUBLAS_STATUS_INVALID_VALUE));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::sim::gpu
