#pragma once

#include <string>
#include <vector>

#include "scenarios/partition/widths.hpp"
#include "scenarios/plan/process_grid.hpp"
#include "scenarios/shape.hpp"
#include "scenarios/types.hpp"

namespace shardproof {

/// How one mesh axis divides a tensor among the ranks of a group along it.
///
/// | kind      | group rank r holds                                    | all of them together are |
/// |-----------|-------------------------------------------------------|--------------------------|
/// | replicate | the whole tensor, the same bits on every rank         | the tensor, n times      |
/// | shard     | part r of every block of dimension `dim` (see Widths) | the tensor, once         |
/// | partial   | a tensor of the full shape; their sum is meant        | n terms of a sum         |
/// | flat      | its own stretch of a flat vector (see FlatLayout)     | the vector, once         |
struct AxisPlacement {
  enum class Kind { replicate, shard, partial, flat };
  Kind kind = Kind::replicate;
  int dim = 0;    // of a shard
  Widths widths;  // of a shard; empty: one block, cut evenly
  friend bool operator==(const AxisPlacement&, const AxisPlacement&) = default;
};

inline AxisPlacement replicate() { return {}; }
inline AxisPlacement partial() { return {AxisPlacement::Kind::partial, 0, {}}; }
inline AxisPlacement flat() { return {AxisPlacement::Kind::flat, 0, {}}; }
/// One block of equal widths is the even cut: shard(0, {{4, 4}}) == shard(0).
AxisPlacement shard(int dim, Widths widths = {});

/// The type of a value: one placement per mesh axis.
struct Placement {
  AxisPlacement tp;
  AxisPlacement dp;
  const AxisPlacement& on(Axis axis) const { return axis == Axis::tp ? tp : dp; }
  AxisPlacement& on(Axis axis) { return axis == Axis::tp ? tp : dp; }
  friend bool operator==(const Placement&, const Placement&) = default;
};

/// "replicate", "partial", "flat", "shard(0)" if it is even, else with its widths, block after
/// block: "shard(0: 128 128 64 64)", "shard(0: 4 4 | 2 2 | 2 2)".
std::string to_string(const AxisPlacement& placement);
/// The inverse. Throws ScenarioError if the text is none of these.
AxisPlacement axis_placement_from(const std::string& text);
/// "tp=shard(0) dp=replicate".
std::string to_string(const Placement& placement);

/// Consecutive indices of a dimension, or elements of a vector.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t count = 0;
  friend bool operator==(const Stretch&, const Stretch&) = default;
};

/// The widths in full, also of an even cut: (8, {}, 2 ranks) -> {{4, 4}}. Throws InvariantError if
/// they do not cover `total`, or if n does not divide it: an uneven cut is asked for by its widths.
Widths widths_in_full(std::int64_t total, const Widths& widths, int n);

/// The stretches of [0, total) that group rank r of n holds, block after block. Empty ones are left
/// out, and neighbours are one stretch.
///   total 16, {{4, 4}, {2, 2}, {2, 2}}, rank 1  ->  {4, 4} {10, 2} {14, 2}
std::vector<Stretch> stretches_of(std::int64_t total, const Widths& widths, int n, GroupRank r);

/// A box of a tensor that a rank holds, and where it lies in the rank's own tensor.
struct HeldBox {
  Region full;
  Region local;
};

/// What `rank` holds of a (`shape`, `placement`) tensor: as many boxes as its cuts give it
/// stretches, none where it holds nothing. Along partial and replicate axes it holds the whole
/// extent. The local tensor joins the boxes along the cut dimension.
///   (8, 6) weight, tp=shard(0) of 2, rank 1:                [4:8, 0:6] at [0:4, 0:6]
///   (2, 16), tp=shard(1: 4 4 | 2 2 | 2 2), rank 1:          [0:2, 4:8] at [0:2, 0:4]
///                                  [0:2, 10:12] at [0:2, 4:6], [0:2, 14:16] at [0:2, 6:8]
std::vector<HeldBox> held_boxes(const Shape& shape, const Placement& placement,
                                const ProcessGrid& grid, Rank rank);
/// The boxes in the full tensor only: the regions of the rank's shard.
std::vector<Region> regions_of(const Shape& shape, const Placement& placement,
                               const ProcessGrid& grid, Rank rank);
/// The shape of the rank's own tensor; the cut dimension may be 0.
Shape local_shape(const Shape& shape, const Placement& placement, const ProcessGrid& grid,
                  Rank rank);

}  // namespace shardproof
