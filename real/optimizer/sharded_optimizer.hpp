#pragma once

#include "real/optimizer/flat_partition.hpp"
#include "real/optimizer/update_rule.hpp"

namespace shardproof::real {

/// An optimizer on flat fp32 (or fp64) masters, cut among the owners of a FlatPartition: with ZeRO
/// 1 and 2 each DP rank updates its slices and gathers the others', with stage 0 every rank updates
/// everything. One lowering serves all; only the layouts differ (spec-autotp 7.5, 7.7.4, 7.8).
class ShardedOptimizer {
 public:
  /// Declares the state; in the open segment, masters become the cast of the loaded parameters, or
  /// with all other state what a checkpoint holds.
  ShardedOptimizer(Builder& builder, const FlatPartition& partition);

  /// Norm, clipping, moments, masters, and the gathered parameters, in the open segment;
  /// `gradients` are the owned slices of the averaged gradients, by group.
  void lower_update(Builder& builder, const std::vector<ValueId>& gradients) const;

 private:
  struct Group {
    FlatGroup flat;
    ValueId master;
    UpdateRule rule;
  };
  void lower_initial_master(Builder& builder, const Group& group) const;
  void lower_group(Builder& builder, const Group& group, const UpdateScalars& scalars,
                   ValueId gradient) const;

  std::vector<Group> groups_;
};

}  // namespace shardproof::real
