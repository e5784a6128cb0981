#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// (x - mean) / deviation * weight + bias, on every rank alike: the weight and the bias are
/// replicated. Ba et al. 2016, arXiv:1607.06450.
class LayerNorm : public Layer {
 public:
  using Layer::Layer;
  /// (B, T, C) -> (B, T, C), both replicated over tp.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  std::string weight() const { return module() + ".weight"; }
  std::string bias() const { return module() + ".bias"; }
  Attributes eps() { return {{"eps", builder().model().number("layer_norm_epsilon")}}; }

  ValueId x_ = -1;
};

}  // namespace shardproof::real
