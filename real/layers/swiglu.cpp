#include "real/layers/swiglu.hpp"

namespace shardproof::real {

ValueId Swiglu::forward(ValueId gate, ValueId up) {
  gate_ = gate, up_ = up;
  const ValueId y = like(gate, "forward/" + module() + "/activation");
  forward_op(OpKind::swiglu, {gate, up}, {y});
  return y;
}

std::vector<ValueId> Swiglu::backward(const std::vector<ValueId>& dy,
                                      const std::vector<std::string>& names) {
  const std::vector<ValueId> gradients{like(gate_, names[0]), like(up_, names[1])};
  backward_op(OpKind::swiglu_backward, {dy[0], gate_, up_}, gradients);
  return gradients;
}

}  // namespace shardproof::real
