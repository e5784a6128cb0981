#pragma once

#include "real/layers/linear.hpp"

namespace shardproof::real {

/// A row-parallel output projection: unlike other row-parallel layers it gets its whole input on
/// every rank, and takes the features that belong to its columns of W itself.
///
///   forward    x_t = own slice of x;  y = all-reduce over tp of x_t W_t^T, then + b
///   backward   dx_t = dy W_t, gathered over tp;  dW_t = dy^T x_t;  db = sum of dy
///
/// Every rank gets the whole dx back: with its own slice alone, all that lies below would learn
/// from a fraction of its gradient (spec-autotp 1.10).
class LmHeadLinearAllreduce : public Linear {
 public:
  using Linear::Linear;
  /// x (B, T, I) replicated over tp -> (B, T, O) replicated.
  ValueId forward(ValueId x) override;
  std::vector<ValueId> backward(const std::vector<ValueId>& dy,
                                const std::vector<std::string>& names) override;

 private:
  ValueId x_ = -1;
  ValueId part_ = -1;  // the features of x that this rank takes
};

}  // namespace shardproof::real
