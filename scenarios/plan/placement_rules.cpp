#include "scenarios/plan/placement_rules.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

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
  std::optional<std::string> yields(AxisPlacement expected, std::size_t output = 0) const {
    if (out(output) == expected) return std::nullopt;
    return value(op_.outputs[output]).name + " is declared " + to_string(out(output)) +
           " but becomes " + to_string(expected);
  }
  std::optional<std::string> all_yield(AxisPlacement expected) const {
    for (std::size_t i = 0; i < op_.outputs.size(); ++i)
      if (auto problem = yields(expected, i)) return problem;
    return std::nullopt;
  }
  std::string refuse() const {
    std::string text = std::string(name_of(op_.kind)) + " does not take (";
    for (std::size_t i = 0; i < op_.inputs.size() && i < 8; ++i)
      text += (i ? ", " : "") + to_string(in(i));
    return text + ")";
  }

  std::optional<std::string> pointwise(std::size_t count, bool partial_allowed = false) const;
  std::optional<std::string> matmul() const;
  std::optional<std::string> matmul_backward_input() const;
  std::optional<std::string> matmul_backward_weight() const;
  std::optional<std::string> batch_sum(AxisPlacement features) const;
  std::optional<AxisPlacement> heads(std::size_t i) const;
  bool heads_alike(std::size_t query, std::size_t key) const;
  std::optional<std::string> attention() const;
  std::optional<std::string> attention_backward() const;
  std::optional<std::string> flatten() const;
  std::optional<std::string> unflatten() const;
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

std::optional<std::string> Rule::matmul() const {
  if (whole(1) && !is_partial(0) && !last(0)) return yields(in(0));
  if (whole(0) && cut(1, 0)) return yields(last_of(op_.outputs[0], 1));
  if (last(0) && cut(1, 1) && same_widths(0, 1)) return yields(partial());
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_input() const {
  if (whole(1) && !is_partial(0) && !last(0)) return yields(in(0));
  if (last(0) && cut(1, 0) && same_widths(0, 1)) return yields(partial());
  if (whole(0) && cut(1, 1)) return yields(last_of(op_.outputs[0], 1));
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_weight() const {
  if (whole(0) && whole(1)) return yields(replicate());
  if (last(0) && whole(1)) return yields(shard(0, in(0).widths));
  if (whole(0) && last(1)) return yields(shard(1, in(1).widths));
  if (rows(0) && rows(1)) return yields(partial());
  return refuse();
}

// A sum over the batch: whole stays whole, a cut of the features goes to `features`, of the batch
// yields a partial sum.
std::optional<std::string> Rule::batch_sum(AxisPlacement features) const {
  for (std::size_t i = 1; i < op_.inputs.size(); ++i)
    if (in(i) != in(0)) return refuse();
  if (whole(0)) return yields(replicate());
  if (rows(0)) return yields(partial());
  if (last(0) && features.kind == Kind::shard) return yields(shard(features.dim, in(0).widths));
  return refuse();
}

// Input i cut into heads: where the features are cut, the widths count whole heads. Nothing if a
// cut goes through a head.
std::optional<AxisPlacement> Rule::heads(std::size_t i) const {
  if (!last(i)) return in(i);
  const std::int64_t head_dim = integer(op_, "head_dim");
  Widths widths = in(i).widths;
  for (std::vector<std::int64_t>& block : widths)
    for (std::int64_t& width : block) {
      if (width % head_dim != 0) return std::nullopt;
      width /= head_dim;
    }
  return shard(1, std::move(widths));
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
  if (!heads_alike(0, 1) || in(1) != in(2) || !(whole(0) || rows(0) || last(0))) return refuse();
  const std::optional<AxisPlacement> lse = heads(0);  // (B, h, T): the heads are dimension 1
  if (!lse) return refuse() + ": a cut goes through a head";
  if (auto problem = yields(in(0), 0)) return problem;
  return yields(*lse, 1);
}

std::optional<std::string> Rule::attention_backward() const {
  if (in(1) != in(0) || in(4) != in(0) || !heads_alike(1, 2) || in(3) != in(2)) return refuse();
  if (!(whole(0) || rows(0) || last(0)) || heads(0) != in(5)) return refuse();
  for (const std::size_t output : {1, 2})
    if (auto problem = yields(in(2), output)) return problem;
  return yields(in(0));
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
  if (is_partial(0)) return refuse();
  return yields(whole(0) ? replicate() : partial());
}

std::optional<std::string> Rule::check() {
  switch (op_.kind) {
    case OpKind::load_parameter:
    case OpKind::zero: return std::nullopt;
    case OpKind::load_tokens: return yields(axis_ == Axis::dp ? shard(0) : replicate());
    case OpKind::load_scalar:
    case OpKind::rotary_table: return all_yield(replicate());

    case OpKind::shift_labels:
    case OpKind::cast:
    case OpKind::square_root:
    case OpKind::clip_factor:
    case OpKind::gelu: return pointwise(1);
    case OpKind::gelu_backward: return pointwise(2);
    case OpKind::swiglu: return pointwise(2);
    // Gradients of one parameter, each still a sum over the replicas, add up to another.
    case OpKind::add: return pointwise(2, /*partial_allowed=*/axis_ == Axis::dp);
    case OpKind::rotary:
    case OpKind::rotary_backward:
    case OpKind::multiply: return pointwise(1);
    case OpKind::exp_avg:
    case OpKind::exp_avg_sq: return pointwise(2);
    case OpKind::swiglu_backward:
    case OpKind::adamw: return pointwise(3);
    case OpKind::copy:
    case OpKind::negate:
    case OpKind::scale:
    case OpKind::divide: return pointwise(1, /*partial_allowed=*/true);
    case OpKind::accumulate: return pointwise(2, /*partial_allowed=*/true);

    case OpKind::embedding: return whole(0) && (whole(1) || rows(1)) ? yields(in(1)) : refuse();
    case OpKind::rms_norm: return whole(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::layer_norm:
      return whole(1) && whole(2) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::layer_norm_backward_input:
    case OpKind::rms_norm_backward_input:
      return whole(2) && in(0) == in(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::matmul: return matmul();
    case OpKind::add_bias:
      if (!is_partial(0) && (whole(1) ? !last(0) : last(0) && cut(1, 0) && same_widths(0, 1)))
        return yields(in(0));
      return refuse();
    case OpKind::attention: return attention();
    case OpKind::cross_entropy:
    case OpKind::cross_entropy_backward:
      return in(0) == in(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();

    case OpKind::matmul_backward_input: return matmul_backward_input();
    case OpKind::matmul_backward_weight: return matmul_backward_weight();
    case OpKind::bias_backward: return batch_sum(shard(0));
    case OpKind::rms_norm_backward_weight:
    case OpKind::layer_norm_backward_weight:
    case OpKind::embedding_backward: return batch_sum(replicate());
    case OpKind::attention_backward: return attention_backward();

    case OpKind::flatten: return flatten();
    case OpKind::unflatten: return unflatten();
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
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> placement_problem(const Program& program, const Op& op, Axis axis) {
  return Rule(program, op, axis).check();
}

}  // namespace shardproof
