#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace shardproof {

/// An integer that means one thing. `Rank{3}` and `GroupRank{3}` do not mix, and neither is an
/// index into anything until `.value` says so.
template <class Tag>
struct Named {
  int value = 0;

  constexpr Named() = default;
  constexpr explicit Named(int v) : value(v) {}
  friend constexpr auto operator<=>(Named, Named) = default;
};

/// A process of the run: 0 .. world-1.
using Rank = Named<struct RankTag>;
/// A position inside one TP or DP group: 0 .. group size-1. Not a `Rank`.
using GroupRank = Named<struct GroupRankTag>;
/// An optimizer step, counted from 0.
using StepIndex = Named<struct StepIndexTag>;
/// A micro-step (one forward and backward pass) inside a step, counted from 0.
using MicroStep = Named<struct MicroStepTag>;

/// The two axes of the process mesh. A rank is `dp_index * tp + tp_index` (TP varies fastest).
enum class Axis { tp, dp };

constexpr const char* name_of(Axis axis) { return axis == Axis::tp ? "tp" : "dp"; }

}  // namespace shardproof

template <class Tag>
struct std::hash<shardproof::Named<Tag>> {
  std::size_t operator()(shardproof::Named<Tag> n) const { return std::hash<int>{}(n.value); }
};
