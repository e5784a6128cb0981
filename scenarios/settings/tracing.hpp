#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// How much of a run is recorded: every tensor; of every tensor its hash, which says whether a run
/// has the bits of another; or nothing, so that nothing can be judged.
enum class TraceTier { full, digest, off };

template <>
struct Names<TraceTier> {
  static constexpr std::array all{"full", "digest", "off"};
};

/// Of which runs the traces stay when there is a verdict.
enum class TraceKeep { always, failed, never };

template <>
struct Names<TraceKeep> {
  static constexpr std::array all{"always", "failed", "never"};
};

}  // namespace shardproof
