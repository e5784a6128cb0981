#pragma once

#include <string>

#include "real/device.hpp"

namespace shardproof::real {

/// 16 hex digits over the bits of fixed kernel results: products of several shapes, exp, log and
/// attention in every dtype. Two machines with one fingerprint compute the same bits; BLAS, cuBLAS
/// and the C library choose code by processor or GPU, so machines may differ here.
std::string fingerprint_of(Device& device);

}  // namespace shardproof::real
