#include "real/layers/linear_gradients.hpp"

namespace shardproof::real {

void lower_linear_gradients(Builder& builder, const std::string& module, bool bias, ValueId dy,
                            ValueId x) {
  const std::string weight = module + ".weight";
  const ValueId grad_weight = builder.gradient(weight);
  builder.append(OpKind::matmul_backward_weight, module, "backward", "matmul_backward_weight",
                 {dy, x}, {grad_weight});
  builder.accumulate(weight, grad_weight);
  if (!bias) return;
  const ValueId grad_bias = builder.gradient(module + ".bias");
  builder.append(OpKind::bias_backward, module, "backward", "bias_backward", {dy}, {grad_bias});
  builder.accumulate(module + ".bias", grad_bias);
}

}  // namespace shardproof::real
