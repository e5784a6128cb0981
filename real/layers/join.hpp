#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// Puts the parts of every head together: (B, T, h*parts[k]) ... -> (B, T, h*F), F the sum of the
/// parts. Bits are moved, nothing is communicated.
class Join : public Layer {
 public:
  using Layer::Layer;
  /// Parts cut alike, between heads -> forward/`module`/`role`, cut like them.
  ValueId forward(const std::string& role, const std::vector<ValueId>& apart,
                  const std::vector<std::int64_t>& parts);
  /// The gradient of the whole -> its parts.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  std::vector<ValueId> apart_;
  std::vector<std::int64_t> parts_;
  std::string role_;
};

}  // namespace shardproof::real
