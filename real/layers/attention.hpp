#pragma once

#include "real/layers/builder.hpp"
#include "real/layers/linear_allreduce.hpp"
#include "real/layers/linear_layer.hpp"

namespace shardproof::real {

/// The rotation tables of a run: cos and sin, (T, hd/2) each, alike on every rank.
struct RotaryTable {
  ValueId cos = -1;
  ValueId sin = -1;
};
/// Appends the op that computes them.
RotaryTable lower_rotary_table(Builder& builder);

/// Causal grouped-query self-attention with rotary positions. The heads are cut over the TP group
/// by the column-parallel q, k and v; each rank attends with its own heads, and o_proj sums them.
/// Ainslie et al. 2023, arXiv:2305.13245; Su et al. 2021, arXiv:2104.09864.
class Attention {
 public:
  Attention(Builder& builder, const std::string& module);

  /// x (B, T, C) replicated -> (B, T, C) replicated.
  ValueId forward(Builder& builder, ValueId x, RotaryTable table);
  /// Returns the gradient of x, recorded as `grad_input_name`: the sum of what q, k and v give
  /// back, added in that order.
  ValueId backward(Builder& builder, ValueId dy, const std::string& grad_input_name);

 private:
  ValueId rotate(Builder& builder, ValueId x, const std::string& what);
  ValueId rotate_back(Builder& builder, ValueId dy, const std::string& what,
                      const std::string& projection);

  std::string module_;
  LinearLayer q_proj_, k_proj_, v_proj_;
  LinearAllreduce o_proj_;
  RotaryTable table_;
  ValueId q_ = -1, k_ = -1, v_ = -1, out_ = -1, lse_ = -1;
};

}  // namespace shardproof::real
