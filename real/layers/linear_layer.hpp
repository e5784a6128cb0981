#pragma once

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// Column-parallel linear layer, y = x W^T + b: each TP rank holds rows of W and of b, sees the
/// whole x, and computes its part of the output features. The gradient of x is a sum over the TP
/// ranks.
///
///   forward    y_t = x W_t^T + b_t                          no communication
///   backward   dx = all-reduce over tp of dy_t W_t;  dW_t = dy_t^T x;  db_t = sum of dy_t
///
/// Source: Shoeybi et al. 2019, arXiv:1909.08053, section 3; spec-autotp 1.5.
class LinearLayer {
 public:
  /// Declares `module`.weight and, with a bias, `module`.bias.
  LinearLayer(Builder& builder, const std::string& module, bool bias);

  /// x (B, T, I) replicated over tp -> (B, T, O) sharded over tp along O.
  ValueId forward(Builder& builder, ValueId x);
  /// dy like the output -> dx (B, T, I), complete on every rank, named
  /// backward/`module`/grad_input.
  ValueId backward(Builder& builder, ValueId dy);

 private:
  std::string module_;
  bool bias_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
