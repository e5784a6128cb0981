#include "real/lowering/round_trip.hpp"

#include "real/builder/combine_over_ranks.hpp"
#include "real/builder/gather_shards.hpp"

namespace shardproof::real {

std::string gather_segment(const std::string& module) { return "gather:" + module; }
std::string agreement_segment(const std::string& module) { return "agree:" + module; }
std::string repartition_segment(const std::string& module) { return "repartition:" + module; }

namespace {

// One gathered scope of one layer. `pass` keeps the names of several scopes in one moment apart.
class Scope {
 public:
  Scope(Builder& builder, const ShardedLayer& layer, const std::string& pass)
      : builder_(builder), layer_(layer), pass_(pass) {}

  void lower_gather(const std::string& segment) {
    builder_.open_segment(segment).opens = layer_.module;
    for (const std::string& parameter : layer_.parameters) gather(parameter);
  }

  void lower_edit(const std::string& segment) {
    builder_.open_segment(segment);
    for (const std::string& parameter : layer_.parameters) {
      const ValueId edited = full_value(parameter, "edited");
      append(OpKind::negate, Phase::gather, "edit", parameter, {full_.at(parameter)}, {edited});
      full_[parameter] = edited;
    }
  }

  void lower_repartition(const std::string& segment) {
    builder_.open_segment(segment).closes = layer_.module;
    for (const std::string& parameter : layer_.parameters) repartition(parameter);
  }

  /// The spread of the ranks' checksums, in a segment of its own before the cut: not zero where the
  /// full tensors differ.
  void lower_agreement(const std::string& segment) {
    builder_.open_segment(segment);
    const std::string& parameter = layer_.parameters.front();
    const ValueId sum = checksum_value(parameter, "checksum");
    append(OpKind::checksum, Phase::repartition, "checksum", parameter, {full_.at(parameter)},
           {sum});
    const ValueId minus = checksum_value(parameter, "checksum_negated");
    append(OpKind::negate, Phase::repartition, "negate_checksum", parameter, {sum}, {minus});
    // max(h) + max(-h) = max(h) - min(h)
    const ValueId largest = largest_over_ranks(parameter, "checksum_max", sum);
    const ValueId smallest = largest_over_ranks(parameter, "checksum_min", minus);
    const ValueId spread = checksum_value(parameter, "checksum_spread");
    builder_.program().value(spread).placement = {};
    builder_.program().value(spread).lifetime = Lifetime::scope;  // read by the scope guard
    append(OpKind::add, Phase::repartition, "compare", parameter, {largest, smallest}, {spread});
  }

 private:
  Op& append(OpKind kind, Phase phase, const std::string& what, const std::string& parameter,
             std::vector<ValueId> inputs, std::vector<ValueId> outputs,
             Attributes attributes = {}) {
    return builder_.append(kind, layer_.module, phase,
                           what + "_" + split_parameter_name(parameter).second, std::move(inputs),
                           std::move(outputs), std::move(attributes));
  }

  ValueId full_value(const std::string& parameter, const std::string& what) {
    Value value = builder_.value(builder_.parameter(parameter));
    value.name = name(parameter, what);
    value.placement = {};
    value.lifetime = Lifetime::scope;  // from the gather to the repartition
    return builder_.add_value(std::move(value));
  }

  ValueId checksum_value(const std::string& parameter, const std::string& what) {
    return builder_.add_value({.name = name(parameter, what),
                               .shape = {2},
                               .dtype = Dtype::fp64,
                               .placement = {partial(), partial()}});
  }

  ValueId largest_over_ranks(const std::string& parameter, const std::string& what,
                             ValueId checksum) {
    return lower_combination(builder_,
                             {.module = layer_.module,
                              .phase = Phase::repartition,
                              .op = what,
                              .value = name(parameter, what),
                              .axes = {Axis::tp, Axis::dp}},
                             checksum);
  }

  std::string name(const std::string& parameter, const std::string& what) const {
    return pass_ + "/" + parameter + "/" + what;
  }

  void gather(const std::string& parameter) {
    const ValueId shard_id = builder_.parameter(parameter);
    const ValueId full = full_value(parameter, "gathered");
    lower_gather_shards(builder_, shard_id, full,
                        {.module = layer_.module,
                         .phase = Phase::gather,
                         .suffix = "_" + split_parameter_name(parameter).second,
                         .folder = name(parameter, "")});
    full_[parameter] = full;
  }

  void repartition(const std::string& parameter) {
    const ValueId shard_id = builder_.parameter(parameter);
    Value cut = builder_.value(shard_id);
    cut.name = name(parameter, "repartitioned");
    cut.lifetime = Lifetime::segment;
    const ValueId piece = builder_.add_value(std::move(cut));
    append(OpKind::shard_slice, Phase::repartition, "slice", parameter, {full_.at(parameter)},
           {piece});
    append(OpKind::copy, Phase::repartition, "store", parameter, {piece}, {shard_id});
  }

  Builder& builder_;
  const ShardedLayer& layer_;
  std::string pass_;
  std::map<std::string, ValueId> full_;
};

Action run(const std::string& segment) {
  Action action;
  action.segment = segment;
  return action;
}

std::vector<Action> lower_scope(Builder& builder, const ShardedLayer& layer,
                                const std::string& pass, const std::string& suffix, bool edit) {
  Scope scope(builder, layer, pass);
  const std::string gather = gather_segment(layer.module) + suffix;
  const std::string check = agreement_segment(layer.module) + suffix;
  const std::string repartition = repartition_segment(layer.module) + suffix;
  std::vector<Action> actions;

  scope.lower_gather(gather);
  actions.push_back(run(gather));
  if (edit) {
    const std::string segment = "edit:" + layer.module + suffix;
    scope.lower_edit(segment);
    actions.push_back(run(segment));
  }
  scope.lower_agreement(check);
  actions.push_back(run(check));
  scope.lower_repartition(repartition);
  actions.push_back(run(repartition));
  return actions;
}

void append(std::vector<Action>& actions, std::vector<Action> more) {
  for (Action& action : more) actions.push_back(std::move(action));
}

}  // namespace

std::vector<Action> lower_round_trip(Builder& builder) {
  std::vector<Action> actions;
  for (const ShardedLayer& layer : builder.sharded_layers())
    append(actions, lower_scope(builder, layer, "round_trip", "", /*edit=*/false));
  return actions;
}

std::vector<Action> lower_edited_round_trip(Builder& builder) {
  std::vector<Action> actions;
  if (builder.sharded_layers().empty()) return actions;
  const ShardedLayer& layer = builder.sharded_layers().front();
  for (const std::string pass : {"edit", "undo"})
    append(actions, lower_scope(builder, layer, "round_trip_" + pass, ":" + pass, /*edit=*/true));
  return actions;
}

}  // namespace shardproof::real
