#include "real/layers/join.hpp"

#include <numeric>

#include "scenarios/errors.hpp"

namespace shardproof::real {

ValueId Join::forward(const std::string& role, const std::vector<ValueId>& apart,
                      const std::vector<std::int64_t>& parts) {
  SHARDPROOF_EXPECTS(apart.size() == parts.size() && !apart.empty(), module(), apart.size());
  apart_ = apart, parts_ = parts, role_ = role;
  const std::int64_t width = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  const Value first = value(apart[0]);
  AxisPlacement tp = first.placement.tp;
  for (std::vector<std::int64_t>& block : tp.widths)
    for (std::int64_t& mine : block) mine = mine / parts[0] * width;
  const ValueId y = output(role, first.shape.back() / parts[0] * width, std::move(tp));
  forward_op(OpKind::join, apart, {y}, {{"parts", parts}}, role);
  return y;
}

std::vector<ValueId> Join::backward(const std::vector<ValueId>& dy,
                                    const std::vector<std::string>& names) {
  std::vector<ValueId> gradients;
  for (std::size_t k = 0; k < apart_.size(); ++k) gradients.push_back(like(apart_[k], names[k]));
  backward_op(OpKind::split, dy, gradients, {{"parts", parts_}}, role_);
  return gradients;
}

}  // namespace shardproof::real
