#include "real/layers/gelu.hpp"

namespace shardproof::real {

ValueId Gelu::forward(ValueId x) {
  x_ = x;
  const ValueId y = like(x, "forward/" + module() + "/activation");
  forward_op(OpKind::gelu, {x}, {y}, form());
  return y;
}

std::vector<ValueId> Gelu::backward(const std::vector<ValueId>& dy,
                                    const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::gelu_backward, {dy[0], x_}, {dx}, form());
  return {dx};
}

}  // namespace shardproof::real
