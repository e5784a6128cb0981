#include "real/layers/linear_allreduce.hpp"

namespace shardproof::real {

ValueId LinearAllreduce::forward(ValueId x) {
  x_ = x;
  return sum_of_products(x);
}

std::vector<ValueId> LinearAllreduce::backward(const std::vector<ValueId>& dy,
                                               const std::vector<std::string>& names) {
  return local_backward(dy[0], x_, names[0]);
}

}  // namespace shardproof::real
