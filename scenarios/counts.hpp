#pragma once

#include <cstdint>
#include <string>

#include "scenarios/errors.hpp"

namespace shardproof {

/// Products and sums of elements and bytes. A scenario can name a model and a world of which 64
/// bits cannot count the bytes: that is a ScenarioError, never a number that has wrapped around.
///     product(1 << 20, 1 << 20) == 1 << 40
///     product(std::int64_t{1} << 40, std::int64_t{1} << 40)  throws
inline std::int64_t product(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw ScenarioError("too large to count: " + std::to_string(a) + " x " + std::to_string(b) +
                        " elements or bytes, with 64 bits");
  return result;
}
inline std::int64_t sum(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result))
    throw ScenarioError("too large to count: " + std::to_string(a) + " + " + std::to_string(b) +
                        " elements or bytes, with 64 bits");
  return result;
}

}  // namespace shardproof
