#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/config/scenario.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/precision.hpp"

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

  /// Ops appended from now on go to this segment.
  Segment& open_segment(const std::string& name);

  ValueId add_value(Value value);
  /// (B, T, features) of all replicas: full batch dimension D * B, sharded over dp; `tp` says what
  /// the TP group holds of it.
  ValueId activation(const std::string& name, std::int64_t features, AxisPlacement tp);
  /// A one-element tensor, replicated.
  ValueId scalar(const std::string& name, Dtype dtype);

  Op& append(OpKind kind, const std::string& module, const std::string& phase,
             const std::string& name, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
             Attributes attributes = {});
  /// Start and wait at once: `output` is complete when this returns. `name` is the op's; the wait's
  /// is `name.wait`. The wire dtype is the policy's, unless the values are not working-dtype
  /// values.
  void collective(OpKind kind, Axis axis, const std::string& module, const std::string& phase,
                  const std::string& name, ValueId input, ValueId output);

  /// The op appended last.
  Op& last_op() { return program_.segments[static_cast<std::size_t>(segment_)].ops.back(); }

  /// Declares a parameter: a state value, its accumulator, and the op that loads it.
  void declare_parameter(const std::string& name, AxisPlacement tp);
  void declare_sharded_layer(ShardedLayer layer) { sharded_.push_back(std::move(layer)); }
  ValueId parameter(const std::string& name) const;
  ValueId accumulator(const std::string& name) const;
  /// The gradient of a parameter in this micro-step (partial over dp), to be written by the caller.
  ValueId gradient(const std::string& parameter);
  /// Adds the gradient to the parameter's accumulator.
  void accumulate(const std::string& parameter, ValueId gradient);
  const std::vector<ShardedLayer>& sharded_layers() const { return sharded_; }

  Program take() { return std::move(program_); }

 private:
  Scenario scenario_;
  PrecisionPolicy policy_;
  Program program_;
  int segment_ = -1;
  std::map<std::string, ValueId> parameters_;
  std::map<std::string, ValueId> accumulators_;
  std::vector<ShardedLayer> sharded_;
};

/// "model.norm.weight" -> {"model.norm", "weight"}.
std::pair<std::string, std::string> split_parameter_name(const std::string& name);

}  // namespace shardproof::real
