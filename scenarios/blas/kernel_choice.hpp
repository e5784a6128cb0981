#pragma once

#include <string_view>

namespace shardproof::blas {

/// What a processor, and the system on it, can do, as far as OpenBLAS has kernels for it.
struct CpuFeatures {
  bool avx = false;
  bool avx2_and_fma = false;
  bool avx512 = false;  // F, CD, BW, DQ and VL
  bool amd = false;
};

CpuFeatures features_of_this_cpu();

/// The value of OPENBLAS_CORETYPE for a processor; "" leaves the choice to the library.
///
///   avx512        SkylakeX
///   avx2 and fma  Zen on AMD, else Haswell
///   avx           Sandybridge
///
/// The library itself goes by the model's number, and on one that is newer than it takes the kernel
/// of 2004, Prescott.
std::string_view kernel_for(const CpuFeatures& cpu);

}  // namespace shardproof::blas
