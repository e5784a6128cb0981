#pragma once

#include <cuda_runtime.h>

#include <string>

#include "scenarios/errors.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// "invalid argument (cudaErrorInvalidValue)".
inline std::string describe(cudaError_t answer) {
  return std::string(cudaGetErrorString(answer)) + " (" + cudaGetErrorName(answer) + ")";
}

/// EnvironmentError, by the call's name, if it failed. For calls that ask for no work: their
/// failure is of no op.
inline void check(cudaError_t answer, const char* call) {
  if (answer != cudaSuccess) throw EnvironmentError(std::string(call) + ": " + describe(answer));
}

/// How many GPUs this process sees. EnvironmentError if there is none.
inline int gpus_seen() {
  int count = 0;
  const cudaError_t answer = cudaGetDeviceCount(&count);
  if (answer != cudaSuccess || count == 0)
    throw EnvironmentError("there is no GPU here: " + describe(answer));
  return count;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
