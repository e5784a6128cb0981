#pragma once

// The part of cuBLASLt that the engine uses, for the host's compiler: the simulated library. Names
// and meanings are those of cuBLAS 13.0 (docs.nvidia.com/cuda/cublas, "Using the cuBLASLt API");
// what is not here it does not know, and says so: CUBLAS_STATUS_NOT_SUPPORTED.
//
// It has three algorithms, and its heuristic gives the first of them that is allowed:
//
// | id | split-K, reduction | alignment | how an element is added up                          |
// |----|--------------------|-----------|-----------------------------------------------------|
// | 2  | 2, in the output   | element   | each half of the inner dimension, and these two     |
// | 3  | 1, none            | 16 bytes  | ascending                                           |
// | 1  | 1, none            | element   | ascending                                           |
//
// Every product and every sum is rounded to the compute dtype. Who forbids no partial sums gets
// them, and other bits; who promises an alignment is held to it.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace shardproof::sim::gpu {

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1, CUBLAS_OP_C = 2 };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_32F_PEDANTIC = 69,
  CUBLAS_COMPUTE_64F = 70,
  CUBLAS_COMPUTE_64F_PEDANTIC = 71,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
};
enum cudaDataType_t { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16F = 2, CUDA_R_16BF = 14 };

enum cublasLtMatmulDescAttributes_t {
  CUBLASLT_MATMUL_DESC_POINTER_MODE = 2,
  CUBLASLT_MATMUL_DESC_TRANSA = 3,
  CUBLASLT_MATMUL_DESC_TRANSB = 4,
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
};
enum cublasLtReductionScheme_t {
  CUBLASLT_REDUCTION_SCHEME_NONE = 0,
  CUBLASLT_REDUCTION_SCHEME_INPLACE = 1,
  CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,
  CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE = 4,
  CUBLASLT_REDUCTION_SCHEME_MASK = 7,
};
enum cublasLtMatmulPreferenceAttributes_t {
  CUBLASLT_MATMUL_PREF_SEARCH_MODE = 0,
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
};
enum cublasLtMatmulAlgoConfigAttributes_t {
  CUBLASLT_ALGO_CONFIG_ID = 0,
  CUBLASLT_ALGO_CONFIG_TILE_ID = 1,
  CUBLASLT_ALGO_CONFIG_SPLITK_NUM = 2,
  CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME = 3,
  CUBLASLT_ALGO_CONFIG_STAGES_ID = 6,
};

struct ProductLibrary;
struct ProductOperation;
struct ProductLayout;
struct ProductPreference;
using cublasLtHandle_t = ProductLibrary*;
using cublasLtMatmulDesc_t = ProductOperation*;
using cublasLtMatrixLayout_t = ProductLayout*;
using cublasLtMatmulPreference_t = ProductPreference*;

struct cublasLtMatmulAlgo_t {
  std::uint64_t data[8];
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  std::size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};

const char* cublasLtGetStatusString(cublasStatus_t status);
/// That of the release whose interface this is: 13.0.
std::size_t cublasLtGetVersion();
cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle);
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle);

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation,
                                        cublasComputeType_t compute, cudaDataType_t scale);
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation);
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes);

/// A matrix by columns, each `ld` elements after the one before.
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t ld);
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout);

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference);
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference);
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes);

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int asked,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* found);
cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void* value, std::size_t bytes,
                                                    std::size_t* written);

/// d = op(a) op(b), in the order of the stream: alpha, of the host, must be 1, and beta 0. What the
/// algorithm was promised of the workspace holds other bytes afterwards. A finding if d overlies
/// a or b, or if one of the three begins elsewhere than the algorithm can bear.
cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, std::size_t workspace_bytes, cudaStream_t stream);

}  // namespace shardproof::sim::gpu

using enum shardproof::sim::gpu::cublasStatus_t;
using enum shardproof::sim::gpu::cublasOperation_t;
using enum shardproof::sim::gpu::cublasComputeType_t;
using enum shardproof::sim::gpu::cudaDataType_t;
using enum shardproof::sim::gpu::cublasLtMatmulDescAttributes_t;
using enum shardproof::sim::gpu::cublasLtReductionScheme_t;
using enum shardproof::sim::gpu::cublasLtMatmulPreferenceAttributes_t;
using enum shardproof::sim::gpu::cublasLtMatmulAlgoConfigAttributes_t;
using shardproof::sim::gpu::cublasComputeType_t;
using shardproof::sim::gpu::cublasLtCreate;
using shardproof::sim::gpu::cublasLtDestroy;
using shardproof::sim::gpu::cublasLtGetStatusString;
using shardproof::sim::gpu::cublasLtGetVersion;
using shardproof::sim::gpu::cublasLtHandle_t;
using shardproof::sim::gpu::cublasLtMatmul;
using shardproof::sim::gpu::cublasLtMatmulAlgo_t;
using shardproof::sim::gpu::cublasLtMatmulAlgoConfigAttributes_t;
using shardproof::sim::gpu::cublasLtMatmulAlgoConfigGetAttribute;
using shardproof::sim::gpu::cublasLtMatmulAlgoGetHeuristic;
using shardproof::sim::gpu::cublasLtMatmulDesc_t;
using shardproof::sim::gpu::cublasLtMatmulDescAttributes_t;
using shardproof::sim::gpu::cublasLtMatmulDescCreate;
using shardproof::sim::gpu::cublasLtMatmulDescDestroy;
using shardproof::sim::gpu::cublasLtMatmulDescSetAttribute;
using shardproof::sim::gpu::cublasLtMatmulHeuristicResult_t;
using shardproof::sim::gpu::cublasLtMatmulPreference_t;
using shardproof::sim::gpu::cublasLtMatmulPreferenceAttributes_t;
using shardproof::sim::gpu::cublasLtMatmulPreferenceCreate;
using shardproof::sim::gpu::cublasLtMatmulPreferenceDestroy;
using shardproof::sim::gpu::cublasLtMatmulPreferenceSetAttribute;
using shardproof::sim::gpu::cublasLtMatrixLayout_t;
using shardproof::sim::gpu::cublasLtMatrixLayoutCreate;
using shardproof::sim::gpu::cublasLtMatrixLayoutDestroy;
using shardproof::sim::gpu::cublasLtReductionScheme_t;
using shardproof::sim::gpu::cublasOperation_t;
using shardproof::sim::gpu::cublasStatus_t;
using shardproof::sim::gpu::cudaDataType_t;
