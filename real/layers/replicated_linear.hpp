#pragma once

#include "real/layers/linear.hpp"

namespace shardproof::real {

/// A linear layer that AutoTP leaves alone: every rank of a TP group holds it whole and computes
/// the same (spec-autotp 7.7.5).
class ReplicatedLinear : public Linear {
 public:
  using Linear::Linear;
  /// x (B, T, I) replicated over tp -> (B, T, O) replicated.
  ValueId forward(ValueId x) override;
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
};

}  // namespace shardproof::real
