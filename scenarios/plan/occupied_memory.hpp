#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "scenarios/plan/memory_layout.hpp"

namespace shardproof {

/// Which bytes are taken when, of blocks that are placed one after another. A tree over the times:
/// a node knows what is taken at some time of its range, and what by blocks that need all of it. So
/// a block looks at few lists of few stretches, where looking at every placed block would take the
/// cube of a model's layers.
class OccupiedMemory {
 public:
  /// For blocks that begin and end at these times alone.
  explicit OccupiedMemory(const std::vector<Block*>& blocks);

  /// The lowest offset at which the block meets none that is placed.
  std::size_t lowest_place(const Block& block) const;
  void place(const Block& block);

 private:
  struct Stretch {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// Disjoint, from the lowest to the highest, those that touch joined.
  using Stretches = std::vector<Stretch>;
  struct Node {
    Stretches some;  // taken at some time of its range
    Stretches all;   // by blocks that need the whole range, and not that of the node above
  };

  static void add(Stretches& stretches, Stretch stretch);
  std::size_t leaf_of(std::int64_t time) const;
  /// Calls visit(node, whole): whole where the span covers the node's range, else for the nodes
  /// above such.
  template <class Visit>
  void visit_nodes(const Block::Span& span, const Visit& visit) const;

  std::vector<std::int64_t> times_;
  std::size_t leaves_ = 1;
  std::vector<Node> nodes_;  // 1 is the root, the children of n are 2 n and 2 n + 1
};

}  // namespace shardproof
