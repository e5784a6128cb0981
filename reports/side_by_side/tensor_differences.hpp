#pragma once

#include "reports/compare/element_compare.hpp"
#include "reports/side_by_side/tensor_parts.hpp"

namespace shardproof::reports {

/// Where two tensors differ, of one shape and with the same elements.
struct Differences {
  Comparison elements;  // expected: A's, got: B's; places as in the full tensor
  double largest = 0;   // |A|, of all its finite elements
};

/// Bit by bit; of two dtypes by value, where NaN is like NaN.
Differences differences_of(const TensorParts& a, const TensorParts& b);

}  // namespace shardproof::reports
