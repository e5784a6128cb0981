#pragma once

#include <string>

#include "real/device.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// 16 hex digits over the bits of fixed kernel results: products of several shapes and dtypes, exp,
/// log, attention. cuBLAS chooses code by GPU and version, so machines may differ here.
std::string fingerprint_of(Device& device);

}  // namespace shardproof::real::SHARDPROOF_GPU
