#pragma once

#include "reports/compare/element_compare.hpp"
#include "reports/values/tensor_view.hpp"

namespace shardproof::reports {

/// Two tensors of as many bytes, bit by bit, as elements of `dtype`, range by range: what
/// compare_bits() of their bytes gives.
Comparison compare_bits(const TensorView& expected, const TensorView& got, Dtype dtype);

}  // namespace shardproof::reports
