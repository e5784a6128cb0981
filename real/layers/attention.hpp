#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// Causal grouped-query attention. Each rank attends with the heads that it holds: the cut of q, k
/// and v goes between heads, and nothing is communicated.
/// Ainslie et al. 2023, arXiv:2305.13245.
class Attention : public Layer {
 public:
  using Layer::Layer;
  /// q (B, T, h * hd), k and v (B, T, hk * hd) -> (B, T, h * hd), cut as q is. Also records
  /// forward/`module`/lse (B, h, T), the log-sum-exp of the scores. Throws ScenarioError if the cut
  /// goes through a head.
  ValueId forward(ValueId q, ValueId k, ValueId v);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes head_dim() { return {{"head_dim", builder().model().head_dim}}; }

  ValueId q_ = -1, k_ = -1, v_ = -1, out_ = -1, lse_ = -1;
};

}  // namespace shardproof::real
