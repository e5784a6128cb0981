#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// x where it is above 0, else 0.
class Relu : public Layer {
 public:
  using Layer::Layer;
  /// (B, T, F) -> forward/`module`/activation, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
};

}  // namespace shardproof::real
