#include "real/layers/lm_head_linear_allreduce.hpp"

namespace shardproof::real {

ValueId LmHeadLinearAllreduce::forward(ValueId x) {
  x_ = x;
  part_ = x;
  if (builder().tp() > 1) {
    part_ = output("input_shard", in_features(), laid_on(2, weight_cut()));
    forward_op(OpKind::shard_slice, {x}, {part_});
  }
  return sum_of_products(part_);
}

std::vector<ValueId> LmHeadLinearAllreduce::backward(const std::vector<ValueId>& dy,
                                                     const std::vector<std::string>& names) {
  ValueId dx = -1;
  if (!names[0].empty() && builder().tp() == 1) {
    dx = like(x_, names[0]);
    input_gradient(dy[0], dx);
  } else if (!names[0].empty()) {
    const ValueId dx_part = like(part_, "backward/" + module() + "/grad_input_shard");
    input_gradient(dy[0], dx_part);
    dx = gather_features(Phase::backward, dx_part, names[0]);
  }
  parameter_gradients(dy[0], part_);
  return {dx};
}

}  // namespace shardproof::real
