#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// Token embedding: row lookup, whole on every rank. weight (V, C).
class Embedding : public Layer {
 public:
  using Layer::Layer;
  /// tokens (B, T) -> (B, T, C).
  ValueId forward(ValueId tokens);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId tokens_ = -1;
};

}  // namespace shardproof::real
