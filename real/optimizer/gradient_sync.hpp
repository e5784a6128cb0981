#pragma once

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// Appends the data-parallel reduction of the accumulated gradients, bucket by bucket, and returns
/// the averaged gradients ("gradient/P"), one per parameter in the model's order.
///
///   ZeRO 1    divide by D, then all-reduce over dp        (spec-autotp 7.7.3)
///   stage 0   all-reduce over dp, then times RN(1/D)      (spec-autotp 7.7.2)
///
/// A DP group of one reduces nothing and divides by nothing.
std::vector<ValueId> lower_gradient_sync(Builder& builder, const FlatPartition& partition);

}  // namespace shardproof::real
