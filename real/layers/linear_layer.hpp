#pragma once

#include "real/layers/linear.hpp"

namespace shardproof::real {

/// Column-parallel linear layer, y = x W^T + b: each TP rank holds rows of W and of b, sees the
/// whole x, and computes its part of the output features. The gradient of x is a sum over the TP
/// ranks.
///
///   forward    y_t = x W_t^T + b_t                          no communication
///   backward   dx = all-reduce over tp of dy_t W_t;  dW_t = dy_t^T x;  db_t = sum of dy_t
///
/// With tp_overlap_comm the all-reduce is started before dW and db are computed, and waited for
/// after them; the bits are the same. It is then issued even if nobody asks for dx. A fused weight,
/// cut in several blocks, never overlaps (spec-autotp 1.6).
///
/// With gather_output the parts of y are gathered, so that every rank has all features; what comes
/// back is alike on every rank, and each takes its own slice of it: no reduction.
///
/// Source: Shoeybi et al. 2019, arXiv:1909.08053, section 3; spec-autotp 1.5, 2.3, 2.4.
class LinearLayer : public Linear {
 public:
  using Linear::Linear;
  /// x (B, T, I) replicated over tp -> (B, T, O) sharded over tp along O, as W is; replicated if
  /// it is gathered.
  ValueId forward(ValueId x) override;
  /// dy like the output -> dx (B, T, I), complete on every rank.
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  bool gathers();
  bool overlaps();
  /// The gradient of this rank's part of y.
  ValueId own_part(ValueId dy);
  /// dx, complete as soon as its all-reduce is.
  void start_input_gradient(ValueId dy, ValueId dx);

  ValueId x_ = -1;
  ValueId y_ = -1;  // this rank's part
};

}  // namespace shardproof::real
