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
/// | kind      | group rank r holds                                    | all of them together are   |
/// |-----------|-------------------------------------------------------|----------------------------|
/// | replicate | the whole tensor, the same bits on every rank         | the tensor, n times        |
/// | shard     | part r of every block of dimension `dim` (see Widths) | the tensor, once           |
/// | partial   | a tensor of the full shape; their sum is meant        | n terms of a sum           |
/// | flat      | its own stretch of a flat vector (see FlatLayout)     | the vector, once           |
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

/// "replicate", "partial", "flat", "shard(0)" if it is even, else with its widths, block after block:
/// "shard(0: 128 128 64 64)", "shard(0: 4 4 | 2 2 | 2 2)".
std::string to_string(const AxisPlacement& placement);
/// The inverse. Throws ScenarioError if the text is none of these.
AxisPlacement axis_placement_from(const std::string& text);
/// "tp=shard(0) dp=replicate".
std::string to_string(const Placement& placement);

/// Part r of [0, total) cut into n equal parts. Throws InvariantError if n does not divide total:
/// an uneven cut is refused when the scenario is read, with the layer's name.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};
Stretch even_part(std::int64_t total, int n, GroupRank r);

/// The region of a (`shape`, `placement`) tensor that `rank` holds. For partial and replicate axes
/// the whole extent. An (8, 6) weight, tp=shard(0) of 2: rank 0 holds [0:4, 0:6], rank 1 [4:8,
/// 0:6].
Region region_of(const Shape& shape, const Placement& placement, const ProcessGrid& grid,
                 Rank rank);

/// Parameters one after another in one vector, cut into one slice per owner (ZeRO; spec-autotp
/// 7.7.4).
///
/// Two parameters of 5 and 6 elements, 2 owners, alignment 4: N = 11, padded to 12, slices of 6:
///   | a a a a a b | b b b b b . |      b straddles both owners; the last element is padding
/// The parameters are the *local shards* of one TP rank, so `elements` counts local elements.
struct FlatLayout {
  struct Entry {
    std::string parameter;
    Shape shape;          // full
    Placement placement;  // of the parameter (dp: replicate)
    std::int64_t offset;  // of the local shard in the vector
    std::int64_t count;   // elements of the local shard
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries;
  int owners = 1;
  std::int64_t elements = 0;  // N
  std::int64_t padded = 0;  // N rounded up to a multiple of 2 * owners, or N if there is one owner

  std::int64_t slice() const { return padded / owners; }
  friend bool operator==(const FlatLayout&, const FlatLayout&) = default;
};

/// The stretch of the flat vector that lies in a rank's buffer: its slice where the value is flat
/// over dp and there are several owners, else all of it.
Stretch owned_stretch(const FlatLayout& layout, const Placement& placement, const ProcessGrid& grid,
                      Rank rank);

/// Appends parameters (offset and count of each entry are computed) and pads.
FlatLayout make_flat_layout(std::vector<FlatLayout::Entry> entries, int owners,
                            const ProcessGrid& grid);

}  // namespace shardproof
