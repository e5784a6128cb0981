#include "scenarios/plan/check/placement_rules.hpp"

#include <algorithm>
#include <numeric>

#include "scenarios/errors.hpp"
#include "scenarios/plan/op_attributes.hpp"

namespace shardproof {

namespace {

using Kind = AxisPlacement::Kind;

// A cut of a tensor that has gained or lost first dimensions.
AxisPlacement shifted(AxisPlacement placement, int by) {
  if (placement.kind == Kind::shard) placement.dim += by;
  return placement;
}

// One op seen along one axis. `last(i)` is input i cut along its last dimension, `cut(i, d)` along
// dimension d, in any widths; `rows(i)` is cut evenly along its first (the batch of activations).
class Rule {
 public:
  Rule(const Program& program, const Op& op, Axis axis) : program_(program), op_(op), axis_(axis) {}

  std::optional<std::string> check();

 private:
  AxisPlacement in(std::size_t i) const { return value(op_.inputs[i]).placement.on(axis_); }
  AxisPlacement out(std::size_t i) const { return value(op_.outputs[i]).placement.on(axis_); }
  const Value& value(ValueId id) const { return program_.value(id); }

  // The last dimension of a value, cut as input i is.
  AxisPlacement last_of(ValueId id, std::size_t i) const {
    return shard(static_cast<int>(value(id).shape.size()) - 1, in(i).widths);
  }
  bool cut(std::size_t i, int dim) const { return in(i).kind == Kind::shard && in(i).dim == dim; }
  bool last(std::size_t i) const {
    return cut(i, static_cast<int>(value(op_.inputs[i]).shape.size()) - 1);
  }
  bool same_widths(std::size_t i, std::size_t j) const { return in(i).widths == in(j).widths; }
  bool rows(std::size_t i) const { return in(i) == shard(0); }
  bool whole(std::size_t i) const { return in(i) == replicate(); }
  bool is_partial(std::size_t i) const { return in(i).kind == Kind::partial; }

  // The output must be declared as `expected`.
  std::optional<std::string> yields(const AxisPlacement& expected, std::size_t output = 0) const {
    if (out(output) == expected) return std::nullopt;
    return value(op_.outputs[output]).name + " is declared " + to_string(out(output)) +
           " but becomes " + to_string(expected);
  }
  std::optional<std::string> all_yield(const AxisPlacement& expected) const {
    for (std::size_t i = 0; i < op_.outputs.size(); ++i)
      if (auto problem = yields(expected, i)) return problem;
    return std::nullopt;
  }
  std::string refuse() const {
    std::string text = std::string(name_of(op_.kind)) + " is given (";
    for (std::size_t i = 0; i < op_.inputs.size() && i < 8; ++i)
      text += (i ? ", " : "") + to_string(in(i));
    return text + "), which it does not take";
  }

  std::optional<std::string> pointwise(std::size_t count, bool partial_allowed = false) const;
  int out_dim() const;
  int in_dim() const;
  std::optional<std::string> matmul() const;
  std::optional<std::string> matmul_backward_input() const;
  std::optional<std::string> matmul_backward_weight() const;
  std::optional<std::string> batch_sum(const AxisPlacement& features) const;
  std::optional<AxisPlacement> heads(std::size_t i) const;
  std::optional<AxisPlacement> values(std::size_t i) const;
  bool slopes_fit(std::size_t i, const AxisPlacement& lse) const;
  bool heads_alike(std::size_t query, std::size_t key) const;
  bool norms_whole_heads(std::size_t x, std::int64_t width) const;
  std::optional<std::string> rms_norm() const;
  std::optional<std::string> rms_norm_backward_weight() const;
  std::optional<std::string> attention() const;
  std::optional<std::string> attention_backward() const;
  std::optional<AxisPlacement> scaled(std::size_t i, std::int64_t from, std::int64_t to) const;
  std::optional<std::string> split() const;
  std::optional<std::string> join() const;
  std::optional<std::string> repeat_heads() const;
  std::optional<std::string> sum_heads() const;
  std::optional<std::string> routed() const;
  std::optional<std::string> flatten() const;
  std::optional<std::string> unflatten() const;
  std::optional<std::string> accumulate_slices() const;
  std::optional<std::string> pad() const;
  std::optional<std::string> concatenate() const;
  bool stacks() const;
  std::optional<std::string> collective() const;
  std::optional<std::string> of_parts() const;

  const Program& program_;
  const Op& op_;
  Axis axis_;
};

// The first `count` inputs alike, the others (scalars, tables) whole; the output like the first.
std::optional<std::string> Rule::pointwise(std::size_t count, bool partial_allowed) const {
  for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
    if (i < count ? in(i) != in(0) : !whole(i)) return refuse();
    if (is_partial(i) && !partial_allowed)
      return refuse() + ": a partial sum must be reduced first";
  }
  return all_yield(in(0));
}

// Which dimension of a matrix product's weight counts its output features, which its input ones.
int Rule::out_dim() const { return weight_layout(op_) == WeightLayout::out_in ? 0 : 1; }
int Rule::in_dim() const { return 1 - out_dim(); }

std::optional<std::string> Rule::matmul() const {
  if (whole(1) && !is_partial(0) && !last(0)) return yields(in(0));
  if (whole(0) && cut(1, out_dim())) return yields(last_of(op_.outputs[0], 1));
  if (last(0) && cut(1, in_dim()) && same_widths(0, 1)) return yields(partial());
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_input() const {
  if (whole(1) && !is_partial(0) && !last(0)) return yields(in(0));
  if (last(0) && cut(1, out_dim()) && same_widths(0, 1)) return yields(partial());
  if (whole(0) && cut(1, in_dim())) return yields(last_of(op_.outputs[0], 1));
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_weight() const {
  if (whole(0) && whole(1)) return yields(replicate());
  if (last(0) && whole(1)) return yields(shard(out_dim(), in(0).widths));
  if (whole(0) && last(1)) return yields(shard(in_dim(), in(1).widths));
  if (rows(0) && rows(1)) return yields(partial());
  return refuse();
}

// A sum over the batch: whole stays whole, a cut of the features goes to `features`, of the batch
// yields a partial sum.
std::optional<std::string> Rule::batch_sum(const AxisPlacement& features) const {
  for (std::size_t i = 1; i < op_.inputs.size(); ++i)
    if (in(i) != in(0)) return refuse();
  if (whole(0)) return yields(replicate());
  if (rows(0)) return yields(partial());
  if (last(0) && features.kind == Kind::shard) return yields(shard(features.dim, in(0).widths));
  return refuse();
}

// Input i cut into heads, which are dimension 1 of log-sum-exp (B, h, T). Nothing if a cut goes
// through a head.
std::optional<AxisPlacement> Rule::heads(std::size_t i) const {
  if (!last(i)) return in(i);
  std::optional<AxisPlacement> cut = scaled(i, integer(op_, "head_dim"), 1);
  if (cut) cut = shard(1, cut->widths);
  return cut;
}

// How values and outputs are cut beside keys and queries cut as input i is.
std::optional<AxisPlacement> Rule::values(std::size_t i) const {
  const AttentionForm form = attention_form(op_);
  return last(i) ? scaled(i, form.head_dim, form.value_dim()) : in(i);
}

// ALiBi's slopes, if input i is there: one for each of the heads.
bool Rule::slopes_fit(std::size_t i, const AxisPlacement& lse) const {
  if (i >= op_.inputs.size()) return true;
  const bool of_heads = lse.kind == Kind::shard && lse.dim == 1;
  return in(i) == (of_heads ? shard(0, lse.widths) : replicate());
}

// Queries and keys cut so that each rank's queries find their keys there: where one key head serves
// g query heads in the full tensor, it does so on each rank.
bool Rule::heads_alike(std::size_t query, std::size_t key) const {
  if (in(query) == in(key)) return true;
  if (!last(query) || !last(key)) return false;
  const auto widths = [&](std::size_t i) {
    return widths_in_full(value(op_.inputs[i]).shape.back(), in(i).widths,
                          program_.grid().size(axis_));
  };
  const std::int64_t all_queries = value(op_.inputs[query]).shape.back();
  const std::int64_t all_keys = value(op_.inputs[key]).shape.back();
  const Widths queries = widths(query), keys = widths(key);
  if (queries.size() != 1 || keys.size() != 1) return false;
  for (std::size_t r = 0; r < queries[0].size(); ++r)
    if (queries[0][r] * all_keys != keys[0][r] * all_queries) return false;
  return true;
}

std::optional<std::string> Rule::attention() const {
  const std::optional<AxisPlacement> lse = heads(0);
  if (!lse || !heads(1)) return refuse() + ": a cut goes through a head";
  if (!heads_alike(0, 1) || in(2) != values(1) || !slopes_fit(3, *lse) ||
      !(whole(0) || rows(0) || last(0)))
    return refuse();
  if (auto problem = yields(*values(0), 0)) return problem;
  return yields(*lse, 1);
}

std::optional<std::string> Rule::attention_backward() const {
  const std::optional<AxisPlacement> lse = heads(1);
  if (!lse || !heads(2)) return refuse() + ": a cut goes through a head";
  if (!heads_alike(1, 2) || in(3) != values(2) || in(0) != values(1) || in(4) != in(0) ||
      in(5) != *lse || !slopes_fit(6, *lse) || !(whole(1) || rows(1) || last(1)))
    return refuse();
  for (std::size_t output = 0; output < 3; ++output)
    if (auto problem = yields(in(output + 1), output)) return problem;
  return std::nullopt;
}

// Heads that are normed each by itself may be cut over the ranks, between heads. One that is alone
// lies on one rank.
bool Rule::norms_whole_heads(std::size_t x, std::int64_t width) const {
  if (whole(x) || rows(x)) return true;
  return last(x) && scaled(x, width, width);
}

std::optional<std::string> Rule::rms_norm() const {
  const std::size_t weight = op_.inputs.size() - 1;  // the last one, forward and backward
  for (std::size_t i = 1; i < weight; ++i)
    if (in(i) != in(0)) return refuse();
  const bool fits = whole(weight) && norms_whole_heads(0, value(op_.inputs[weight]).shape.back());
  return fits ? yields(in(0)) : refuse();
}

std::optional<std::string> Rule::rms_norm_backward_weight() const {
  if (!last(0)) return batch_sum(replicate());
  if (in(1) != in(0) || !norms_whole_heads(0, value(op_.outputs[0]).shape.back())) return refuse();
  return yields(partial());  // each rank sums over its own heads
}

// The cut of input i's features where each stretch of `from` of them becomes one of `to`. Nothing
// if a cut goes through such a stretch.
std::optional<AxisPlacement> Rule::scaled(std::size_t i, std::int64_t from, std::int64_t to) const {
  Widths widths =
      widths_in_full(value(op_.inputs[i]).shape.back(), in(i).widths, program_.grid().size(axis_));
  for (std::vector<std::int64_t>& block : widths)
    for (std::int64_t& width : block) {
      if (width % from != 0) return std::nullopt;
      width = width / from * to;
    }
  return shard(in(i).dim, std::move(widths));
}

std::optional<std::string> Rule::split() const {
  if (!last(0)) return whole(0) || rows(0) ? all_yield(in(0)) : refuse();
  const std::vector<std::int64_t> parts = parts_of_a_head(op_);
  const std::int64_t head = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  const std::size_t blocks = parts.empty() ? in(0).widths.size() : parts.size();
  if (blocks != op_.outputs.size()) return refuse() + ": there is one block or part an output";
  for (std::size_t k = 0; k < op_.outputs.size(); ++k) {
    const auto part =
        parts.empty() ? shard(in(0).dim, {in(0).widths[k]}) : scaled(0, head, parts[k]);
    if (!part) return refuse() + ": a cut goes through a head";
    if (auto problem = yields(*part, k)) return problem;
  }
  return std::nullopt;
}

std::optional<std::string> Rule::join() const {
  const std::vector<std::int64_t> parts = parts_of_a_head(op_);
  const std::int64_t head = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
  if (!parts.empty() && parts.size() != op_.inputs.size())
    return refuse() + ": there is one part an input";
  Widths blocks;
  std::optional<AxisPlacement> heads;
  for (std::size_t k = 0; k < op_.inputs.size(); ++k) {
    if (last(k) != last(0) || (!last(k) && in(k) != in(0))) return refuse();
    if (!last(k)) continue;
    const auto whole_heads = parts.empty() ? scaled(k, 1, 1) : scaled(k, parts[k], head);
    if (!whole_heads) return refuse() + ": a cut goes through a head";
    if (k > 0 && !parts.empty() && whole_heads != heads) return refuse();
    heads = whole_heads;
    const Widths widths = widths_in_full(value(op_.inputs[k]).shape.back(), in(k).widths,
                                         program_.grid().size(axis_));
    if (parts.empty() && widths.size() != 1) return refuse() + ": a part has blocks of its own";
    blocks.push_back(widths[0]);
  }
  if (!last(0)) return whole(0) || rows(0) ? yields(in(0)) : refuse();
  return yields(parts.empty() ? shard(in(0).dim, std::move(blocks)) : *heads);
}

// The same features for every head: each rank makes those of its own heads.
std::optional<std::string> Rule::repeat_heads() const {
  if (rows(0)) return yields(in(0));
  if (!whole(0)) return refuse();
  const Value& y = value(op_.outputs[0]);
  const AxisPlacement& cut = y.placement.on(axis_);
  if (cut == replicate()) return std::nullopt;
  if (cut.kind != Kind::shard || cut.dim + 1 != static_cast<int>(y.shape.size()))
    return yields(replicate());
  const std::int64_t width = value(op_.inputs[0]).shape.back();
  for (const auto& block : widths_in_full(y.shape.back(), cut.widths, program_.grid().size(axis_)))
    for (const std::int64_t mine : block)
      if (mine % width != 0) return refuse() + ": a cut of " + y.name + " goes through a head";
  return std::nullopt;
}

std::optional<std::string> Rule::sum_heads() const {
  if (!last(0)) return whole(0) || rows(0) ? yields(in(0)) : refuse();
  const std::int64_t width = value(op_.outputs[0]).shape.back();
  return scaled(0, width, width) ? yields(partial()) : refuse() + ": a cut goes through a head";
}

// Experts are chosen, and tokens handed to them, by every TP rank alike: nothing is cut but the
// batch. A correction of the scores is the same for all tokens.
std::optional<std::string> Rule::routed() const {
  for (std::size_t i = 0; i < op_.inputs.size(); ++i)
    if (op_.kind == OpKind::route && i > 0 ? !whole(i) : in(i) != in(0)) return refuse();
  const bool fits = axis_ == Axis::tp ? whole(0) : whole(0) || rows(0);
  return fits ? all_yield(in(0)) : refuse();
}

std::optional<std::string> Rule::flatten() const {
  const FlatLayout& layout =
      program_.layouts.at(static_cast<std::size_t>(value(op_.outputs[0]).layout));
  for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
    if (axis_ == Axis::tp ? in(i) != layout.entries.at(i).placement.tp : in(i) != in(0))
      return refuse();
  }
  if (axis_ == Axis::tp) return yields(flat());
  if (is_partial(0)) return yields(partial());
  return yields(layout.owners > 1 ? flat() : replicate());
}

std::optional<std::string> Rule::unflatten() const {
  const FlatLayout& layout =
      program_.layouts.at(static_cast<std::size_t>(value(op_.inputs[0]).layout));
  if (axis_ == Axis::dp) return whole(0) ? all_yield(replicate()) : refuse();
  if (in(0) != flat()) return refuse();
  for (std::size_t i = 0; i < op_.outputs.size(); ++i)
    if (auto problem = yields(layout.entries.at(i).placement.tp, i)) return problem;
  return std::nullopt;
}

// A bucket that is complete, of which each rank keeps what it owns.
std::optional<std::string> Rule::accumulate_slices() const {
  if (axis_ == Axis::tp) return in(0) == flat() && in(1) == flat() ? yields(flat()) : refuse();
  return (whole(0) || in(0) == flat()) && whole(1) ? yields(in(0)) : refuse();
}

// One block of a cut, as wide on every rank.
std::optional<std::string> Rule::pad() const {
  if (axis_ == Axis::dp) return yields(in(0));
  return in(0).kind == Kind::shard ? yields(shard(in(0).dim)) : refuse();
}

// The members' parts lie along a new first dimension.
bool Rule::stacks() const {
  return value(op_.outputs[0]).shape.size() == value(op_.inputs[0]).shape.size() + 1;
}

std::optional<std::string> Rule::concatenate() const {
  for (std::size_t i = 0; i < op_.inputs.size(); ++i)
    if (in(i) != in(0) || is_partial(i)) return refuse();
  if (axis_ == Axis::tp && !whole(0)) return refuse();
  return yields(shifted(in(0), -1));
}

std::optional<std::string> Rule::collective() const {
  if (op_.group != axis_)
    return yields(op_.kind == OpKind::all_gather && stacks() ? shifted(in(0), 1) : in(0));
  const Kind kind = in(0).kind;
  if (op_.kind == OpKind::all_reduce && kind != Kind::partial)
    return refuse() + ": only a partial sum is reduced, and only once";
  if (op_.kind == OpKind::all_gather && kind != Kind::shard && kind != Kind::flat) return refuse();
  if (op_.kind == OpKind::all_gather && !in(0).widths.empty())
    return refuse() + ": ranks must bring equally much, block by block";
  return yields(replicate());
}

// A scalar that each rank computes from its own part.
std::optional<std::string> Rule::of_parts() const {
  for (std::size_t i = 0; i < op_.inputs.size(); ++i)
    if (is_partial(i) || in(i) != in(0)) return refuse();
  return yields(whole(0) ? replicate() : partial());
}

std::optional<std::string> Rule::check() {
  switch (op_.kind) {
    case OpKind::load_parameter:
    case OpKind::load_state:
    case OpKind::zero: return std::nullopt;
    case OpKind::load_tokens: return yields(axis_ == Axis::dp ? shard(0) : replicate());
    case OpKind::load_scalar:
    case OpKind::rotary_table: return all_yield(replicate());
    case OpKind::alibi_slopes:
      return out(0).kind == Kind::shard && axis_ == Axis::tp ? std::nullopt : yields(replicate());

    case OpKind::shift_labels:
    case OpKind::positions:
    case OpKind::cast:
    case OpKind::square_root:
    case OpKind::clip_factor:
    case OpKind::soft_cap:
    case OpKind::sigmoid:
    case OpKind::relu:
    case OpKind::gelu: return pointwise(1);
    case OpKind::soft_cap_backward:
    case OpKind::sigmoid_backward:
    case OpKind::relu_backward:
    case OpKind::product:
    case OpKind::gelu_backward:
    case OpKind::swiglu: return pointwise(2);
    // Gradients of one parameter, each still a sum over the replicas, add up to another.
    case OpKind::add: return pointwise(2, /*partial_allowed=*/axis_ == Axis::dp);
    case OpKind::rotary:
    case OpKind::rotary_backward:
    case OpKind::multiply: return pointwise(1);
    case OpKind::exp_avg:
    case OpKind::exp_avg_sq:
    case OpKind::decay:
    case OpKind::momentum:
    case OpKind::nesterov:
    case OpKind::sgd:
    case OpKind::torch_exp_avg:
    case OpKind::torch_exp_avg_sq:
    case OpKind::torch_decay: return pointwise(2);
    case OpKind::swiglu_backward:
    case OpKind::adamw:
    case OpKind::torch_adamw: return pointwise(3);
    case OpKind::copy:
    case OpKind::negate:
    case OpKind::scale:
    case OpKind::divide: return pointwise(1, /*partial_allowed=*/true);
    case OpKind::accumulate: return pointwise(2, /*partial_allowed=*/true);

    case OpKind::embedding: return whole(0) && (whole(1) || rows(1)) ? yields(in(1)) : refuse();
    case OpKind::rms_norm:
    case OpKind::rms_norm_backward_input: return rms_norm();
    case OpKind::layer_norm:
      return whole(1) && whole(2) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::layer_norm_backward_input:
      return whole(2) && in(0) == in(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::matmul: return matmul();
    case OpKind::add_bias:
      if (!is_partial(0) && (whole(1) ? !last(0) : last(0) && cut(1, 0) && same_widths(0, 1)))
        return yields(in(0));
      return refuse();
    case OpKind::attention: return attention();
    case OpKind::split: return split();
    case OpKind::join: return join();
    case OpKind::repeat_heads: return repeat_heads();
    case OpKind::sum_heads: return sum_heads();
    case OpKind::route:
    case OpKind::route_backward:
    case OpKind::moe_dispatch:
    case OpKind::moe_dispatch_backward:
    case OpKind::moe_combine:
    case OpKind::moe_combine_backward: return routed();
    case OpKind::cross_entropy:
    case OpKind::cross_entropy_backward:
    case OpKind::squared_error:
    case OpKind::squared_error_backward:
      if (op_.inputs.size() > 2 && !whole(2)) return refuse();
      return in(0) == in(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();

    case OpKind::matmul_backward_input: return matmul_backward_input();
    case OpKind::matmul_backward_weight: return matmul_backward_weight();
    case OpKind::bias_backward: return batch_sum(shard(0));
    case OpKind::rms_norm_backward_weight: return rms_norm_backward_weight();
    case OpKind::layer_norm_backward_weight:
    case OpKind::embedding_backward: return batch_sum(replicate());
    case OpKind::attention_backward: return attention_backward();

    case OpKind::flatten: return flatten();
    case OpKind::unflatten: return unflatten();
    case OpKind::accumulate_slices: return accumulate_slices();
    case OpKind::pad: return pad();
    case OpKind::concatenate: return concatenate();
    case OpKind::shard_slice:
      if (axis_ == Axis::dp) return yields(in(0));
      return whole(0) ? std::nullopt : std::optional(refuse());
    case OpKind::wait: return yields(in(0));
    case OpKind::all_reduce:
    case OpKind::all_reduce_max:
    case OpKind::all_gather: return collective();
    case OpKind::nonfinite:
    case OpKind::sum_of_squares: return of_parts();
    case OpKind::checksum: return yields(partial());
    case OpKind::differ: return in(0) == in(1) && !is_partial(0) ? yields(partial()) : refuse();
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> placement_problem(const Program& program, const Op& op, Axis axis) {
  return Rule(program, op, axis).check();
}

}  // namespace shardproof
