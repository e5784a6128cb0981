#include "scenarios/plan/placement_rules.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

using Kind = AxisPlacement::Kind;

// One op seen along one axis. `last(i)` is input i cut along its last dimension, `rows(i)` cut
// along its first (the batch of activations).
class Rule {
 public:
  Rule(const Program& program, const Op& op, Axis axis) : program_(program), op_(op), axis_(axis) {}

  std::optional<std::string> check();

 private:
  AxisPlacement in(std::size_t i) const { return value(op_.inputs[i]).placement.on(axis_); }
  AxisPlacement out(std::size_t i) const { return value(op_.outputs[i]).placement.on(axis_); }
  const Value& value(ValueId id) const { return program_.value(id); }

  AxisPlacement last_of(ValueId id) const {
    return shard(static_cast<int>(value(id).shape.size()) - 1);
  }
  bool last(std::size_t i) const { return in(i) == last_of(op_.inputs[i]); }
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
  std::optional<std::string> attention() const;
  std::optional<std::string> attention_backward() const;
  std::optional<std::string> flatten() const;
  std::optional<std::string> unflatten() const;
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
  if (whole(0) && in(1) == shard(0)) return yields(last_of(op_.outputs[0]));
  if (last(0) && in(1) == shard(1)) return yields(partial());
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_input() const {
  if (whole(1) && !is_partial(0) && !last(0)) return yields(in(0));
  if (last(0) && in(1) == shard(0)) return yields(partial());
  if (whole(0) && in(1) == shard(1)) return yields(last_of(op_.outputs[0]));
  return refuse();
}

std::optional<std::string> Rule::matmul_backward_weight() const {
  if (whole(0) && whole(1)) return yields(replicate());
  if (last(0) && whole(1)) return yields(shard(0));
  if (whole(0) && last(1)) return yields(shard(1));
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
  if (last(0) && features.kind == Kind::shard) return yields(features);
  return refuse();
}

std::optional<std::string> Rule::attention() const {
  if (in(0) != in(1) || in(0) != in(2) || !(whole(0) || rows(0) || last(0))) return refuse();
  if (auto problem = yields(in(0), 0)) return problem;
  return yields(last(0) ? shard(1) : in(0), 1);  // lse is (B, h, T): the heads are dimension 1
}

std::optional<std::string> Rule::attention_backward() const {
  for (std::size_t i = 1; i <= 4; ++i)
    if (in(i) != in(0)) return refuse();
  if (!(whole(0) || rows(0) || last(0)) || in(5) != (last(0) ? shard(1) : in(0))) return refuse();
  return all_yield(in(0));
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

std::optional<std::string> Rule::collective() const {
  if (op_.group != axis_) return yields(in(0));
  const Kind kind = in(0).kind;
  if (op_.kind == OpKind::all_reduce && kind != Kind::partial)
    return refuse() + ": only a partial sum is reduced, and only once";
  if (op_.kind == OpKind::all_gather && kind != Kind::shard && kind != Kind::flat) return refuse();
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
    case OpKind::swiglu:
    case OpKind::add: return pointwise(2);
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
    case OpKind::rms_norm_backward_input:
      return whole(2) && in(0) == in(1) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::matmul: return matmul();
    case OpKind::add_bias:
      if (!is_partial(0) && (whole(1) ? !last(0) : last(0) && in(1) == shard(0)))
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
    case OpKind::embedding_backward: return batch_sum(replicate());
    case OpKind::attention_backward: return attention_backward();

    case OpKind::flatten: return flatten();
    case OpKind::unflatten: return unflatten();
    case OpKind::concatenate: return whole(0) ? yields(replicate()) : refuse();
    case OpKind::shard_slice: return whole(0) ? std::nullopt : std::optional(refuse());
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
    case OpKind::layer_norm:
      return whole(1) && whole(2) && (whole(0) || rows(0)) ? yields(in(0)) : refuse();
    case OpKind::layer_norm_backward_input:
    case OpKind::layer_norm_backward_weight:
