#include "real/layers/relu.hpp"

namespace shardproof::real {

ValueId Relu::forward(ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/activation");
  forward_op(OpKind::relu, {x}, {y});
  return y;
}

std::vector<ValueId> Relu::backward(const std::vector<ValueId>& dy,
                                    const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::relu_backward, {dy[0], x_}, {dx});
  return {dx};
}

}  // namespace shardproof::real
