#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// y = x / sqrt(mean(x^2) + eps) * w over the features. weight (C), whole on every rank.
/// Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
class RmsNorm : public Layer {
 public:
  using Layer::Layer;
  /// (B, T, C) -> the same, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes eps() { return {{"eps", builder().model().rms_norm_eps}}; }

  ValueId x_ = -1;
};

}  // namespace shardproof::real
