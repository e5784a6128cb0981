#pragma once

#include "scenarios/blas/library.hpp"

namespace shardproof::blas {

/// Holds products of both types, as they stand and transposed, in small, odd and thin shapes,
/// against plain loops: some milliseconds. Throws EnvironmentError that names the kernel if one is
/// off by more than rounding explains.
void check_kernel(const Library& library);

}  // namespace shardproof::blas
