#pragma once

#include "real/layers/linear.hpp"

namespace shardproof::real {

/// Row-parallel linear layer, y = x W^T + b: each TP rank holds columns of W and the matching
/// features of x; the product is a sum over the TP ranks. The bias is replicated and added once,
/// after it.
///
///   forward    y = all-reduce over tp of x_t W_t^T, then + b
///   backward   dx_t = dy W_t;  dW_t = dy^T x_t;  db = sum of dy, alike on every rank: without
///              communication
///
/// Source: Shoeybi et al. 2019, arXiv:1909.08053, section 3; spec-autotp 1.4.
class LinearAllreduce : public Linear {
 public:
  using Linear::Linear;
  /// x (B, T, I) sharded over tp along I, as W is -> (B, T, O) replicated.
  ValueId forward(ValueId x) override;
  /// dy (B, T, O) replicated -> dx (B, T, I) sharded along I.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
};

}  // namespace shardproof::real
