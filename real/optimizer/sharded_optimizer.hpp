#pragma once

#include "real/optimizer/flat_partition.hpp"
#include "real/optimizer/update_rule.hpp"

namespace shardproof::real {

/// An optimizer on flat fp32 (or fp64) masters, cut among the owners of a FlatPartition: with ZeRO 1
/// each DP rank updates its slice and gathers the others', with stage 0 every rank updates
/// everything. One lowering serves both; only the layout differs (spec-autotp 7.5, 7.7.4, 7.8).
class ShardedOptimizer {
 public:
  /// Declares the state; in the open segment, masters become the cast of the loaded parameters.
  ShardedOptimizer(Builder& builder, const FlatPartition& partition);

  /// Takes the owned slice of the averaged gradients and returns the agreed flag that says whether
  /// any of them, on any rank, is inf or NaN. Both in the open segment.
  ValueId lower_gradient_check(Builder& builder, const std::vector<ValueId>& gradients);
  /// Norm, clipping, moments, masters, and the gathered parameters.
  void lower_update(Builder& builder);

 private:
  FlatPartition partition_;
  ValueId master_ = -1, gradient_ = -1;
  UpdateRule rule_;
};

}  // namespace shardproof::real
