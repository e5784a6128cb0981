#pragma once

#include <string>
#include <vector>

#include "scenarios/plan/placement.hpp"

namespace shardproof {

/// Parameters one after another in one vector, cut into one slice per owner (ZeRO; spec-autotp
/// 7.7.4). What lies in the vector are the *local shards* of one TP rank: where uneven cuts give TP
/// ranks shards of unlike size, each has a vector of another length. The ranks of a DP group share
/// their TP rank, and so the table.
struct FlatLayout {
  struct Entry {
    std::string parameter;
    Shape shape;          // full
    Placement placement;  // of the parameter (dp: replicate)
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries;
  int owners = 1;
  std::string name = "";  // of the parameter group, where there are several
  friend bool operator==(const FlatLayout&, const FlatLayout&) = default;
};

/// A flat layout as one TP rank has it.
///
/// Two parameters of 5 and 6 elements, 2 owners: N = 11, padded to 12 (a multiple of 4), slices of
/// 6:
///   | a a a a a b | b b b b b . |      b straddles both owners; the last element is padding
/// Where b is cut 6 to 0 over two TP ranks, the other one has N = 5, padded to 8, slices of 4:
///   | a a a a | a . . . |
struct FlatTable {
  std::vector<Stretch> parts;  // by entry: its shard in the vector; an empty one occupies nothing
  int owners = 1;
  std::int64_t elements = 0;  // N
  std::int64_t padded = 0;  // N rounded up to a multiple of 2 * owners, or N if there is one owner

  std::int64_t slice() const { return padded / owners; }
};
FlatTable flat_table(const FlatLayout& layout, const ProcessGrid& grid, Rank rank);

/// The stretch of the flat vector that lies in a rank's buffer: its slice where the value is flat
/// over dp and there are several owners, else all of it.
Stretch owned_stretch(const FlatTable& table, const Placement& placement, const ProcessGrid& grid,
                      Rank rank);

/// What a part of the vector and an owned stretch share; count 0 if nothing.
Stretch shared(const Stretch& part, const Stretch& owned);

/// The stretches of a rank's buffer of a flat vector that count where something is summed over all
/// ranks: each parameter once, so one that lies whole on every TP rank on the first alone; padding
/// never (the gradient norm; spec-autotp 7.8).
///
/// In the example above, where a is a shard over tp and b is not: TP rank 0 counts {0, 5} {5, 1} as
/// the first owner and {0, 5} as the second, TP rank 1 {0, 5} and nothing.
std::vector<Stretch> counted_ranges(const FlatLayout& layout, const Placement& placement,
                                    const ProcessGrid& grid, Rank rank);

/// `count` elements of a bucket, from element `from` of its buffer on, that a rank keeps at element
/// `to` of its slices.
struct Kept {
  std::int64_t from = 0, to = 0, count = 0;
};
/// What `rank` keeps of a bucket in the slice that it owns of a vector: the parameters that both
/// have, as far as the slice reaches (ZeRO 2; spec-autotp 7.7.3).
///
/// In the example above, a bucket of b alone: the first owner keeps {0, 5, 1}, the second {1, 0,
/// 5}.
std::vector<Kept> kept_of(const FlatLayout& bucket, const FlatLayout& vector,
                          const Placement& slices, const ProcessGrid& grid, Rank rank);

}  // namespace shardproof
