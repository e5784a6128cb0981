#pragma once

#include "real/layers/builder.hpp"

namespace shardproof::real {

/// Row-parallel linear layer, y = x W^T + b: each TP rank holds columns of W and the matching
/// features of x; the product is a sum over the TP ranks. The bias is replicated and added once,
/// after it.
///
///   forward    y = all-reduce over tp of x_t W_t^T, then + b
///   backward   dx_t = dy W_t;  dW_t = dy^T x_t;  db = sum of dy, alike on every rank: no communication
///
/// Source: Shoeybi et al. 2019, arXiv:1909.08053, section 3; spec-autotp 1.4.
class LinearAllreduce {
 public:
  /// Declares `module`.weight and, with a bias, `module`.bias.
  LinearAllreduce(Builder& builder, const std::string& module, bool bias);

  /// x (B, T, I) sharded over tp along I -> (B, T, O) replicated.
  ValueId forward(Builder& builder, ValueId x);
  /// dy (B, T, O) replicated -> dx (B, T, I) sharded along I, recorded as `grad_input_name`.
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name);

 private:
  std::string module_;
  bool bias_;
  ValueId x_ = -1;
};

}  // namespace shardproof::real
