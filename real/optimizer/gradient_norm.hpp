#pragma once

#include <vector>

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// 1 if any element of the owned slices, one for each group, is inf or NaN, on any rank, else 0:
/// agreed over dp and tp, in the open segment.
ValueId lower_nonfinite(Builder& builder, const std::vector<ValueId>& gradients);

/// Clips by the norm over every distinct parameter of all groups, which is the same in bits on all
/// ranks (spec-autotp 7.8). With a clip of 0 the norm is computed all the same, and nothing is
/// clipped.
class Clipping {
 public:
  /// The norm of the owned slices, one for each group, and the factor; in the open segment.
  Clipping(Builder& builder, const std::vector<ValueId>& gradients);
  /// A group's owned slices in the master's dtype, clipped.
  ValueId lower(Builder& builder, const FlatGroup& group, ValueId gradient) const;

 private:
  ValueId factor_ = -1;  // none where nothing is clipped
};

}  // namespace shardproof::real
