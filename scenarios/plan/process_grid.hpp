#pragma once

#include <vector>

#include "scenarios/types.hpp"

namespace shardproof {

/// The mesh of ranks, TP fastest (spec-autotp 7.2): rank = dp_index * tp + tp_index.
///   world 4, tp 2:   TP groups {0,1} {2,3}   DP groups {0,2} {1,3}
class ProcessGrid {
 public:
  struct Extents {
    int tp = 1;
    int dp = 1;
  };
  explicit ProcessGrid(Extents extents);

  int world() const { return extents_.tp * extents_.dp; }
  int size(Axis axis) const { return axis == Axis::tp ? extents_.tp : extents_.dp; }
  GroupRank group_rank(Rank rank, Axis axis) const;
  Rank rank_at(GroupRank tp, GroupRank dp) const;
  /// The members of the group along `axis` that holds `rank`, in group-rank order.
  std::vector<Rank> group(Rank rank, Axis axis) const;
  /// The rank `by` further in its TP group, around the end.
  Rank next_in_tp(Rank rank, int by) const;

 private:
  Extents extents_;
};

}  // namespace shardproof
