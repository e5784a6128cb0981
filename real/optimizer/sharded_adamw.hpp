#pragma once

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// AdamW on flat fp32 (or fp64) masters, cut among the owners of a FlatPartition: with ZeRO 1 each
/// DP rank updates its slice and gathers the others', with stage 0 every rank updates everything.
/// One lowering serves both; only the layout differs (spec-autotp 7.5, 7.7.4, 7.8).
class ShardedAdamw {
 public:
  /// Declares the state; in the open segment, masters become the cast of the loaded parameters.
  ShardedAdamw(Builder& builder, const FlatPartition& partition);

  /// Takes the owned slice of the averaged gradients and returns the agreed flag that says whether
  /// any of them, on any rank, is inf or NaN. Both in the open segment.
  ValueId lower_gradient_check(Builder& builder, const std::vector<ValueId>& gradients);
  /// Norm, clipping, moments, masters, and the gathered parameters.
  void lower_update(Builder& builder);

 private:
  ValueId lower_norm(Builder& builder);
  ValueId lower_clipping(Builder& builder);

  FlatPartition partition_;
  ValueId master_ = -1, exp_avg_ = -1, exp_avg_sq_ = -1, gradient_ = -1;
};

}  // namespace shardproof::real
