#pragma once

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// 1 if any element of the owned slices is inf or NaN, on any rank, else 0: agreed over dp and tp, in
/// the open segment.
ValueId lower_nonfinite(Builder& builder, const FlatPartition& partition, ValueId gradient);

/// The owned slice of the gradients in the master's dtype, clipped by the norm over every distinct
/// parameter, which is the same in bits on all ranks (spec-autotp 7.8). With a clip of 0 the norm is
/// computed all the same, and nothing is clipped.
ValueId lower_clipping(Builder& builder, const FlatPartition& partition, ValueId gradient);

}  // namespace shardproof::real
