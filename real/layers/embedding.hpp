#pragma once

#include <optional>

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// Token embedding: row lookup, whole on every rank. weight (V, C).
class Embedding : public Layer {
 public:
  /// `padding`: a row that the lookup gives no gradient.
  Embedding(Site site, std::optional<std::int64_t> padding)
      : Layer(std::move(site)), padding_(padding) {}
  /// tokens (B, T) -> (B, T, C).
  ValueId forward(ValueId tokens);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  std::optional<std::int64_t> padding_;
  ValueId tokens_ = -1;
};

}  // namespace shardproof::real
