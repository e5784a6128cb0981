#include "real/layers/replicated_linear.hpp"

namespace shardproof::real {

ValueId ReplicatedLinear::forward(ValueId x) {
  x_ = x;
  const ValueId y = product(product_role(), x, value(x).placement.tp);
  return has_bias() ? with_bias("output", y) : y;
}

std::vector<ValueId> ReplicatedLinear::backward(const std::vector<ValueId>& dy,
                                                const std::vector<std::string>& names) {
  return local_backward(dy[0], x_, names[0]);
}

}  // namespace shardproof::real
