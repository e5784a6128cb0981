#pragma once

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// The flat vectors of a run (spec-autotp 7.7.4), as indices into Program::layouts.
struct FlatPartition {
  /// All parameters in the model's order, cut into one slice per owner: D owners with ZeRO 1, one
  /// (every rank owns everything) with stage 0.
  int owned = -1;
  /// Gradient buckets: parameters in reverse order (backward produces them so), a bucket closed
  /// when the next parameter would exceed reduce_bucket_size; a parameter larger than that stands
  /// alone. A shard counts as the largest that any TP rank has of it.
  std::vector<int> buckets;
};

FlatPartition make_flat_partition(Builder& builder);

/// A flat value of layout `layout`; the '*' in `name` stands for the parameter.
ValueId add_flat_value(Builder& builder, int layout, const std::string& name, Dtype dtype,
                       AxisPlacement dp, bool state = false);
/// How the owned slices lie over dp: flat with several owners, replicate with one.
AxisPlacement owner_placement(Builder& builder, const FlatPartition& partition);

}  // namespace shardproof::real
