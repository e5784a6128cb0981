#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// cap tanh(x / cap): logits that do not leave (-cap, cap). Gemma Team 2024, arXiv:2408.00118,
/// section 2.
class SoftCap : public Layer {
 public:
  SoftCap(Site site, double cap) : Layer(std::move(site)), cap_(cap) {}
  /// -> forward/`module`/`role`, cut as x is.
  ValueId forward(const std::string& role, ValueId x);
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  Attributes cap() const { return {{"cap", cap_}}; }

  double cap_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
