#pragma once

#include "real/layers/builder.hpp"
#include "real/layers/linear_allreduce.hpp"
#include "real/layers/linear_layer.hpp"

namespace shardproof::real {

/// down(silu(gate(x)) * up(x)): two column-parallel projections, one row-parallel.
/// Shazeer 2020, arXiv:2002.05202, eq. 6.
class SwigluMlp {
 public:
  SwigluMlp(Builder& builder, const std::string& module);
  /// x (B, T, C) replicated -> (B, T, C) replicated.
  ValueId forward(Builder& builder, ValueId x);
  /// Returns the gradient of x, recorded as `grad_input_name`: gate's part plus up's.
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name);

 private:
  std::string module_;
  LinearLayer gate_proj_, up_proj_;
  LinearAllreduce down_proj_;
  ValueId gate_ = -1, up_ = -1;
};

}  // namespace shardproof::real
