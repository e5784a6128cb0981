#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// a b, element by element: what a gate that is no part of its activation does.
class Product : public Layer {
 public:
  using Layer::Layer;
  /// Two values, cut alike -> forward/`module`/`role`, cut like them.
  ValueId forward(const std::string& role, ValueId a, ValueId b);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId a_ = -1, b_ = -1;
};

}  // namespace shardproof::real
