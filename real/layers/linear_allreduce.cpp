#include "real/layers/linear_allreduce.hpp"

namespace shardproof::real {

ValueId LinearAllreduce::forward(ValueId x) {
  x_ = x;
  ValueId y = -1;
  if (builder().tp() == 1) {
    y = product(product_role(), x, replicate());
  } else {
    const ValueId part = product("partial", x, partial());
    y = output(product_role(), out_features(), replicate());
    builder().collective(OpKind::all_reduce, Axis::tp, module(), "forward", "all_reduce", part, y);
  }
  // After the reduction: before it, the sum would hold the bias once for every rank.
  return has_bias() ? with_bias("output", y) : y;
}

std::vector<ValueId> LinearAllreduce::backward(const std::vector<ValueId>& dy,
                                               const std::vector<std::string>& names) {
  const ValueId dx = names[0].empty() ? -1 : like(x_, names[0]);
  if (dx >= 0) input_gradient(dy[0], dx);
  parameter_gradients(dy[0], x_);
  return {dx};
}

}  // namespace shardproof::real
