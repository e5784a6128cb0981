#pragma once

#include <cstdint>
#include <span>

namespace shardproof {

/// What may run at a time: so many jobs, on so many processors. One that wants more processors than
/// there are has them to itself: beside another it would take memory and save no time.
struct SideBySide {
  int jobs = 1;
  int processors = 1;

  /// Whether there is room for one that wants `wanted` processors, beside `running` jobs which keep
  /// `busy` of them busy.
  bool has_room(int running, int busy, int wanted) const {
    return running == 0 || (running < jobs && busy + wanted <= processors);
  }
};

/// What a job takes while it runs.
struct Load {
  std::uint64_t bytes = 0;
  int processors = 1;
};

/// The most bytes that those of `loads` take which may run at a time.
std::uint64_t most_at_once(std::span<const Load> loads, const SideBySide& limits);

}  // namespace shardproof
