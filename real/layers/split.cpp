#include "real/layers/split.hpp"

#include <numeric>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {

std::int64_t head_width(const std::vector<std::int64_t>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
}

// One head alone, and either whole or cut in a block for each part.
bool in_blocks(const Value& whole, const std::vector<std::int64_t>& parts) {
  const AxisPlacement& tp = whole.placement.tp;
  return whole.shape.back() == head_width(parts) &&
         (tp.kind != AxisPlacement::Kind::shard || tp.widths.size() == parts.size());
}

}  // namespace

Attributes split_attributes(const Value& whole, const std::vector<std::int64_t>& parts) {
  if (in_blocks(whole, parts)) return {};
  return {{"parts", parts}};
}

AxisPlacement cut_of_part(const Value& whole, const std::vector<std::int64_t>& parts,
                          std::size_t k) {
  const AxisPlacement& tp = whole.placement.tp;
  if (tp.kind != AxisPlacement::Kind::shard) return tp;
  if (in_blocks(whole, parts)) return shard(tp.dim, {tp.widths[k]});
  Widths widths = tp.widths;  // an even cut stays one
  for (std::vector<std::int64_t>& block : widths)
    for (std::int64_t& width : block) {
      if (width % head_width(parts) != 0)
        throw ScenarioError(whole.name + ", cut as " + to_string(tp) +
                            ": a cut goes through a head of " + std::to_string(head_width(parts)));
      width = width / head_width(parts) * parts[k];
    }
  return shard(tp.dim, std::move(widths));
}

std::vector<ValueId> Split::forward(const std::vector<std::string>& roles, ValueId x,
                                    const std::vector<std::int64_t>& parts) {
  SHARDPROOF_EXPECTS(roles.size() == parts.size() && !roles.empty(), module(), roles.size());
  x_ = x, parts_ = parts, what_ = roles[0];
  const Value whole = value(x);
  const std::int64_t heads = whole.shape.back() / head_width(parts);
  std::vector<ValueId> outputs;
  for (std::size_t k = 0; k < parts.size(); ++k)
    outputs.push_back(output(roles[k], heads * parts[k], cut_of_part(whole, parts, k)));
  forward_op(OpKind::split, {x}, outputs, split_attributes(whole, parts), what_);
  return outputs;
}

std::vector<ValueId> Split::backward(const std::vector<ValueId>& dy,
                                     const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::join, dy, {dx}, split_attributes(value(x_), parts_), what_);
  return {dx};
}

}  // namespace shardproof::real
