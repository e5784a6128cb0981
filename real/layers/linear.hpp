#pragma once

#include "real/layers/layer.hpp"

namespace shardproof::real {

/// y = x W^T + b, in what all classes of linear layers share. How W is cut over the TP group, and
/// what is communicated for it, is what they differ in: LinearLayer, LinearAllreduce,
/// LmHeadLinearAllreduce, ReplicatedLinear.
///
/// `module`.bias is added if the model has it. The weight is `module`.weight unless it is another
/// module's (a tied embedding).
class Linear : public Layer {
 public:
  Linear(Site site, std::string weight);
  virtual ValueId forward(ValueId x) = 0;

 protected:
  ValueId weight() { return builder().parameter(weight_); }
  const AxisPlacement& weight_cut() { return value(weight()).placement.tp; }
  std::int64_t in_features() { return value(weight()).shape[weight_is_in_out() ? 0 : 1]; }
  std::int64_t out_features() { return value(weight()).shape[weight_is_in_out() ? 1 : 0]; }
  bool has_bias() const { return has_bias_; }
  /// Which role x W^T has: that of the result, if no bias comes after it.
  std::string product_role() const { return has_bias_ ? "product" : "output"; }

  /// y = x W^T, cut as `tp` says.
  ValueId product(const std::string& role, ValueId x, AxisPlacement tp);
  /// Of a weight cut by columns and an x cut like them: y = all-reduce over tp of x_t W_t^T, then
  /// + b.
  ValueId sum_of_products(ValueId x);
  /// y = product + b, cut as the product is; in inference in the product's place.
  ValueId with_bias(const std::string& role, ValueId product);

  /// All features of `part` on every rank, recorded as `name`.
  ValueId gather_features(Phase phase, ValueId part, const std::string& name);

  /// dx = dy W.
  void input_gradient(ValueId dy, ValueId dx);
  /// The backward pass where dy is whole on every rank and x is cut as W's columns are, if at all:
  /// dx = dy W if it has a name, dW and db; nothing is communicated.
  std::vector<ValueId> local_backward(ValueId dy, ValueId x, const std::string& dx_name);
  /// dW = dy^T x and db = the sum of dy over all tokens. What dy and x are cut by decides what they
  /// are cut by; nothing is communicated (spec-autotp 2.7).
  void parameter_gradients(ValueId dy, ValueId x);

 private:
  /// GPT-2's Conv1D holds its weight as (in, out).
  bool weight_is_in_out();
  Attributes layout();

  std::string weight_, bias_;
  bool has_bias_;
};

/// The cut of a dimension of a weight, on dimension `dim` of the activations that belong to it.
AxisPlacement laid_on(int dim, const AxisPlacement& cut);

}  // namespace shardproof::real
