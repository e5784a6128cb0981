#pragma once

#include <string>

namespace shardproof::real::cpu {

/// 16 hex digits over the bits of fixed kernel results: products of several shapes, exp, log,
/// attention. BLAS and the C library choose code by processor, so machines may differ here.
std::string fingerprint();

}  // namespace shardproof::real::cpu
