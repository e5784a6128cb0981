#pragma once

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// What changes from step to step: one-element tensors in the master's dtype, the same on all ranks.
struct UpdateScalars {
  ValueId learning_rate = -1;
  ValueId bias_correction1 = -1;  // 1 - beta1^k
  ValueId bias_correction2 = -1;  // 1 - beta2^k
};
/// Loads them, in the open segment.
UpdateScalars load_update_scalars(Builder& builder);

/// How a flat master follows its gradient, and the states that it remembers: AdamW (spec-autotp 7.5).
class UpdateRule {
 public:
  /// Declares the states, cut as the owned slices of the partition.
  UpdateRule(Builder& builder, const FlatPartition& partition);

  /// Sets the states to what they are before the first update, in the open segment.
  void lower_initial(Builder& builder) const;
  /// One update of `master` by `gradient`, both in the master's dtype.
  void lower(Builder& builder, const UpdateScalars& scalars, ValueId master,
             ValueId gradient) const;

 private:
  ValueId exp_avg_ = -1, exp_avg_sq_ = -1;
};

}  // namespace shardproof::real
