#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// y = x / sqrt(mean(x^2) + eps) * (offset + w) over the features. weight (C), whole on every rank.
/// Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4; the offset is 1 in Gemma, else 0.
class RmsNorm : public Layer {
 public:
  RmsNorm(Site site, double eps, double offset)
      : Layer(std::move(site)), eps_(eps), offset_(offset) {}
  /// (B, T, C) -> the same, cut as x is.
  ValueId forward(ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes eps() const { return {{"eps", eps_}}; }
  Attributes form() const;

  double eps_;
  double offset_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
