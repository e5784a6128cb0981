#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// y = x / sqrt(mean(x^2) + eps) * w over the features. weight (C), whole on every rank.
/// Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4.
class RmsNorm : public Layer {
 public:
  RmsNorm(Site site, double eps) : Layer(std::move(site)), eps_(eps) {}
  /// (B, T, C) -> the same, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes eps() const { return {{"eps", eps_}}; }

  double eps_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
