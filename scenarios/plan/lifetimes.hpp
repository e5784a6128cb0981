#pragma once

#include <cstddef>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// When a segment's own memory is taken and given back: before op i the values of `take[i]` are
/// allocated, after it those of `give[i]` are released. The arena does exactly this, and the memory
/// layout follows from it.
struct SegmentLifetimes {
  std::vector<std::vector<ValueId>> take;
  std::vector<std::vector<ValueId>> give;
};
SegmentLifetimes lifetimes_of(const Program& program, const Segment& segment);

/// The values that live as long as a gathered scope: taken at their first write, given back when
/// the segment that closes the scope ends.
std::vector<ValueId> scope_values(const Program& program);

/// Bytes of a value in one rank's memory, rounded up to the arena's alignment of 64.
std::size_t block_bytes(const Program& program, ValueId id, Rank rank);

}  // namespace shardproof
