#pragma once

#include <string>
#include <vector>

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// Parameters that are updated alike, one after another in a flat vector of their own.
struct FlatGroup {
  int layout = -1;     // index into Program::layouts, cut into one slice per owner
  std::string module;  // of its ops: "optimizer", or "optimizer.group_1" where there are several
  double weight_decay = 0;
};

/// The flat vectors of a run (spec-autotp 7.7.4).
struct FlatPartition {
  /// One for each parameter group that has parameters, each in the model's order, or dealt out to
  /// the owners in turn (round_robin_gradients).
  std::vector<FlatGroup> groups;
  /// Gradient buckets, as indices into Program::layouts: parameters of all groups in reverse order
  /// (backward produces them so), a bucket closed when the next parameter would exceed
  /// reduce_bucket_size; a parameter larger than that stands alone. A shard counts as the largest
  /// that any TP rank has of it.
  std::vector<int> buckets;
};

/// `owners`: into how many slices the vectors of the groups are cut. With one, every rank owns
/// everything.
FlatPartition make_flat_partition(Builder& builder, int owners);

const FlatLayout& layout_of(Builder& builder, int layout);
/// The parameters of a layout, in its order.
std::vector<ValueId> parameters_of(Builder& builder, int layout);

/// A flat value of layout `layout`; the '*' in `name` stands for the parameter.
ValueId add_flat_value(Builder& builder, int layout, const std::string& name, Dtype dtype,
                       AxisPlacement dp, Lifetime lifetime = Lifetime::segment);
/// The slices that the owners have of a group's vector: flat over dp with several owners, replicate
/// with one.
ValueId add_owned_value(Builder& builder, const FlatGroup& group, const std::string& name,
                        Dtype dtype, Lifetime lifetime = Lifetime::segment);

}  // namespace shardproof::real
