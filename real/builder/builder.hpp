#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/precision/precision.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// A layer whose weight is cut over the TP group, as `gather` and `repartition` need to know it.
struct ShardedLayer {
  std::string module;
  std::vector<std::string> parameters;  // those that are cut
};

/// Appends ops to a program. Layers use it to lower themselves: they name values, the builder gives
/// them the dtype that the precision policy demands and the placement of the batch.
class Builder {
 public:
  explicit Builder(const Scenario& scenario);

  const Scenario& scenario() const { return scenario_; }
  const ModelDescription& model() const { return scenario_.model; }
  const PrecisionPolicy& policy() const { return policy_; }
  int tp() const { return program_.tp; }
  int dp() const { return program_.dp; }
  Program& program() { return program_; }
  const Value& value(ValueId id) const { return program_.value(id); }

  /// Ops appended from now on go to this segment, a new one.
  Segment& open_segment(const std::string& name);
  /// ... or to one that was opened before.
  void resume_segment(const std::string& name) { segment_ = program_.segment_index(name); }
  const std::string& segment_name() const;

  ValueId add_value(Value value);
  /// (B, T, features) of all replicas: full batch dimension D * B, sharded over dp; `tp` says what
  /// the TP group holds of it.
  ValueId activation(const std::string& name, std::int64_t features, AxisPlacement tp);
  /// With the rows of another value, and other features; `tp` says how the TP group cuts them,
  /// whatever its dimension.
  ValueId features_of(ValueId rows, const std::string& name, std::int64_t features,
                      AxisPlacement tp);
  /// Of another value's shape, dtype and placement; lives as long as its segment.
  ValueId like(ValueId other, const std::string& name);
  /// (B, T) of all replicas: tokens, labels.
  ValueId integers(const std::string& name);
  /// A one-element tensor, replicated.
  ValueId scalar(const std::string& name, Dtype dtype);
  /// The loss scale, if the run has one (fp16), for an op to take as its last operand: none or one.
  /// Its value is declared where it is first asked for, and loaded in `begin_step`.
  std::vector<ValueId> loss_scale();

  Op& append(OpKind kind, const std::string& module, Phase phase, const std::string& name,
             std::vector<ValueId> inputs, std::vector<ValueId> outputs, Attributes attributes = {});
  /// Starts a collective; `output` may not be read before `finish_collective`. `name` is the op's;
  /// the wait's is `name.wait`. The wire dtype is the policy's.
  void start_collective(OpKind kind, Axis axis, const std::string& module, Phase phase,
                        const std::string& name, ValueId input, ValueId output);
  /// Waits for the collective that writes `output`.
  void finish_collective(ValueId output);
  /// Start and wait at once: `output` is complete when this returns.
  void collective(OpKind kind, Axis axis, const std::string& module, Phase phase,
                  const std::string& name, ValueId input, ValueId output);

  /// The op appended last.
  Op& last_op() { return segment().ops.back(); }

  /// Declares the model's parameters, cut as the scenario's partition says, and what is not
  /// trained, which every rank has whole: for each a state value, and the op that loads it.
  void declare_parameters();
  bool has_parameter(const std::string& name) const { return parameters_.contains(name); }
  ValueId parameter(const std::string& name) const;
  const std::vector<ShardedLayer>& sharded_layers() const { return sharded_; }

  Program take() { return std::move(program_); }

 private:
  Segment& segment() { return program_.segments[static_cast<std::size_t>(segment_)]; }
  void declare_parameter(const ParameterDescription& parameter, AxisPlacement tp);

  Scenario scenario_;
  PrecisionPolicy policy_;
  Program program_;
  int segment_ = -1;
  std::map<ValueId, Op> under_way_;  // started collectives, by output
  std::map<std::string, ValueId> parameters_;
  std::vector<ShardedLayer> sharded_;
  std::vector<ValueId> loss_scale_;
};

/// "model.norm.weight" -> {"model.norm", "weight"}.
std::pair<std::string, std::string> split_parameter_name(const std::string& name);

}  // namespace shardproof::real
