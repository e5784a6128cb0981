#include "scenarios/plan/process_grid.hpp"

#include "scenarios/errors.hpp"

namespace shardproof {

ProcessGrid::ProcessGrid(Extents extents) : extents_(extents) {
  SHARDPROOF_EXPECTS(extents.tp >= 1 && extents.dp >= 1, extents.tp, extents.dp);
}

GroupRank ProcessGrid::group_rank(Rank rank, Axis axis) const {
  SHARDPROOF_EXPECTS(rank.value >= 0 && rank.value < world(), rank.value, world());
  return GroupRank{axis == Axis::tp ? rank.value % extents_.tp : rank.value / extents_.tp};
}

Rank ProcessGrid::rank_at(GroupRank tp, GroupRank dp) const {
  return Rank{dp.value * extents_.tp + tp.value};
}

Rank ProcessGrid::next_in_tp(Rank rank, int by) const {
  return rank_at(GroupRank{(group_rank(rank, Axis::tp).value + by) % extents_.tp},
                 group_rank(rank, Axis::dp));
}

std::vector<Rank> ProcessGrid::group(Rank rank, Axis axis) const {
  std::vector<Rank> members;
  for (int i = 0; i < size(axis); ++i)
    members.push_back(axis == Axis::tp ? rank_at(GroupRank{i}, group_rank(rank, Axis::dp))
                                       : rank_at(group_rank(rank, Axis::tp), GroupRank{i}));
  return members;
}

}  // namespace shardproof
