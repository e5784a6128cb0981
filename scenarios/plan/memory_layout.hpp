#pragma once

#include <cstddef>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// Where every value of a program lies in the one piece of memory that a rank takes for all of
/// them. State comes first and shares its place with nothing; of the others two share theirs if
/// there is no moment at which both live.
struct MemoryLayout {
  /// By value, in bytes: multiples of 64. What is written in place lies where the other value does.
  std::vector<std::size_t> offset;
  std::size_t state_bytes = 0;
  std::size_t bytes = 0;  // of all
};
MemoryLayout memory_layout(const Program& program, Rank rank);

/// Times at which a block of memory is needed: half-open, in order.
struct Block {
  struct Span {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  std::size_t bytes = 0;
  std::vector<Span> spans;
  std::size_t offset = 0;
};
/// Gives each block an offset, so that no two that are needed at one time overlap. Returns how much
/// memory that takes: seldom more than what is needed at one time, which is the least there can be.
std::size_t pack(std::vector<Block>& blocks);

}  // namespace shardproof
