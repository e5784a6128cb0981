#include "real/layers/repeat_heads.hpp"

namespace shardproof::real {

AxisPlacement RepeatHeads::cut_of_heads(std::int64_t heads, std::int64_t width) {
  const LayerPartition& partition = builder().scenario().partition.of(module());
  if (partition.style != LayerPartition::Style::column) return replicate();
  Widths widths = partition.widths;  // an even cut stays one
  const std::int64_t of_head = value(builder().parameter(module() + ".weight")).shape[0] / heads;
  for (std::vector<std::int64_t>& block : widths)
    for (std::int64_t& mine : block) mine = mine / of_head * width;
  return shard(2, std::move(widths));
}

ValueId RepeatHeads::forward(const std::string& role, ValueId x, std::int64_t heads) {
  x_ = x, role_ = role;
  const std::int64_t width = value(x).shape.back();
  const ValueId y = output(role, heads * width, cut_of_heads(heads, width));
  forward_op(OpKind::repeat_heads, {x}, {y}, {}, role);
  return y;
}

std::vector<ValueId> RepeatHeads::backward(const std::vector<ValueId>& dy,
                                           const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  if (value(dy[0]).placement.tp.kind != AxisPlacement::Kind::shard || builder().tp() == 1) {
    backward_op(OpKind::sum_heads, {dy[0]}, {dx}, {}, role_);
    return {dx};
  }
  const ValueId part = builder().activation("backward/" + module() + "/grad_" + role_ + "_partial",
                                            value(x_).shape.back(), partial());
  backward_op(OpKind::sum_heads, {dy[0]}, {part}, {}, role_);
  builder().collective(OpKind::all_reduce, Axis::tp, module(), Phase::backward, "all_reduce_heads",
                       part, dx);
  return {dx};
}

}  // namespace shardproof::real
