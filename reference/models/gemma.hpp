#pragma once

#include <functional>
#include <string>

#include "reference/models/graph.hpp"

namespace shardproof::reference {

/// What Gemma 2 and 3 have in common: norms before and after each half of a block, whose weights
/// count from one; embeddings times sqrt(C); a gate that is a GELU; logits that may have a cap.
class Gemma {
 public:
  /// The layer's index, its path and its normed input -> what its attention gives.
  using Attention = std::function<Value(std::int64_t index, const std::string& layer, Value x)>;

  Gemma(Graph& net, const ModelDescription& model) : net_(net), model_(model) {}

  Value norm(const std::string& module, Value x);
  /// From the tokens to the logits.
  Value logits(const Attention& attention);

 private:
  Value mlp(const std::string& module, Value x);
  Value block(const Attention& attention, std::int64_t index, Value x);

  Graph& net_;
  const ModelDescription& model_;
};

}  // namespace shardproof::reference
