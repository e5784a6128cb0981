#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// silu(gate) * up. Shazeer 2020, arXiv:2002.05202, eq. 6.
class Swiglu : public Layer {
 public:
  using Layer::Layer;
  /// (B, T, F) twice, cut alike -> forward/`module`/activation, cut like them.
  ValueId forward(ValueId gate, ValueId up);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId gate_ = -1, up_ = -1;
};

}  // namespace shardproof::real
