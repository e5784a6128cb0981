#pragma once

#include <cstddef>
#include <vector>

#include "reference/models/graph.hpp"

namespace shardproof::reference {

/// Consecutive nodes of a graph: [begin, end).
struct Stretch {
  std::size_t begin = 0, end = 0;
};

/// Cuts a graph wherever it hands on no more than one forward tensor: from that one, all behind the
/// cut can be computed again. Of a decoder these are
///
///     embedding | norm, attention, residual | norm, MLP, output | ... | norm | lm_head | loss
///
/// half a layer each. Tables and tokens are there for all.
std::vector<Stretch> stretches_of(const Graph& graph);

/// Which stretches take a tensor as an input, by the tensor's index: the first and the last of
/// them. Of one that nobody takes both are `nobody`.
struct Readers {
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);
  std::vector<std::size_t> first, last;
};
Readers readers_of(const Graph& graph, const std::vector<Stretch>& stretches);

}  // namespace shardproof::reference
