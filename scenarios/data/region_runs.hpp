#pragma once

#include <cstdint>
#include <vector>

#include "scenarios/shape.hpp"

namespace shardproof {

/// Consecutive elements of a row-major tensor.
struct Run {
  std::int64_t first = 0;
  std::int64_t count = 0;
  friend bool operator==(const Run&, const Run&) = default;
};

/// A region of a tensor as runs, in storage order, as few as possible. Rows 1 and 2, columns 1 and
/// 2 of a (3, 4) tensor are {5, 2} and {9, 2}; rows 1 and 2 whole are {4, 8}.
std::vector<Run> runs_of(const Region& region, const Shape& shape);

}  // namespace shardproof
