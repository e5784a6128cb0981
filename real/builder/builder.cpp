#include "real/builder/builder.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/partition/cut_dimension.hpp"

namespace shardproof::real {

namespace {
// What only moves bits is hashed in the trace, not stored: the judge derives it from what was
// moved. (unflatten is stored: its outputs are the gradients and parameters that people look for.)
bool moves_bits(OpKind kind) {
  return kind == OpKind::flatten || kind == OpKind::pad || kind == OpKind::concatenate ||
         kind == OpKind::shard_slice || kind == OpKind::copy || kind == OpKind::zero;
}
}  // namespace

Builder::Builder(const Scenario& scenario)
    : scenario_(scenario), policy_(precision_policy(scenario)) {
  program_.tp = scenario.parallel.tensor_parallel;
  program_.dp = scenario.data_parallel();
  program_.steps = scenario.steps - scenario.first_step;
  program_.first_step = scenario.first_step;
  program_.accumulation = scenario.training.accumulation;
}

Segment& Builder::open_segment(const std::string& name) {
  program_.segments.push_back({.name = name, .ops = {}, .opens = {}, .closes = {}});
  segment_ = static_cast<int>(program_.segments.size()) - 1;
  return program_.segments.back();
}

const std::string& Builder::segment_name() const {
  SHARDPROOF_EXPECTS(segment_ >= 0, "no segment is open");
  return program_.segments[static_cast<std::size_t>(segment_)].name;
}

ValueId Builder::add_value(Value value) {
  program_.values.push_back(std::move(value));
  return static_cast<ValueId>(program_.values.size()) - 1;
}

ValueId Builder::activation(const std::string& name, std::int64_t features, AxisPlacement tp) {
  const std::int64_t batch = std::int64_t{dp()} * scenario_.training.micro_batch;
  return add_value({.name = name,
                    .shape = {batch, scenario_.data.sequence, features},
                    .dtype = policy_.working,
                    .placement = {tp, shard(0)}});
}

ValueId Builder::features_of(ValueId rows, const std::string& name, std::int64_t features,
                             AxisPlacement tp) {
  Value wide = value(rows);
  wide.name = name;
  wide.shape.back() = features;
  wide.lifetime = Lifetime::segment;
  wide.placement.tp = std::move(tp);
  if (wide.placement.tp.kind == AxisPlacement::Kind::shard)
    wide.placement.tp.dim = static_cast<int>(wide.shape.size()) - 1;
  return add_value(std::move(wide));
}

ValueId Builder::like(ValueId other, const std::string& name) {
  Value copy = value(other);
  copy.name = name;
  copy.lifetime = Lifetime::segment;
  copy.in_place_of = -1;
  return add_value(std::move(copy));
}

ValueId Builder::integers(const std::string& name) {
  const std::int64_t batch = std::int64_t{dp()} * scenario_.training.micro_batch;
  return add_value({.name = name,
                    .shape = {batch, scenario_.data.sequence},
                    .dtype = Dtype::int64,
                    .placement = {replicate(), shard(0)}});
}

ValueId Builder::scalar(const std::string& name, Dtype dtype) {
  return add_value({.name = name, .shape = {1}, .dtype = dtype, .placement = {}});
}

std::vector<ValueId> Builder::loss_scale() {
  if (loss_scale_.empty() && policy_.working == Dtype::fp16)
    loss_scale_ = {add_value({.name = "scalar/loss_scale",
                              .shape = {1},
                              .dtype = policy_.compute,
                              .placement = {},
                              .lifetime = Lifetime::state})};
  return loss_scale_;
}

Op& Builder::append(OpKind kind, const std::string& module, Phase phase, const std::string& name,
                    std::vector<ValueId> inputs, std::vector<ValueId> outputs,
                    Attributes attributes) {
  SHARDPROOF_EXPECTS(segment_ >= 0, "no segment is open");
  Op op;
  op.kind = kind;
  op.module = module;
  op.phase = phase;
  op.name = name;
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  op.attributes = std::move(attributes);
  // A kernel's compute dtype is data of the program, so that the check `policy` can hold the
  // program to it. Norms and flags of the optimizer are computed in fp64 by definition.
  op.attributes.emplace("compute", std::string(name_of(policy_.compute)));
  op.recorded = !moves_bits(kind);
  segment().ops.push_back(std::move(op));
  return last_op();
}

void Builder::start_collective(OpKind kind, Axis axis, const std::string& module, Phase phase,
                               const std::string& name, ValueId input, ValueId output) {
  const Dtype wire = policy_.wire(kind, axis, value(input).dtype);
  Op& start =
      append(kind, module, phase, name, {input}, {output}, {{"wire", std::string(name_of(wire))}});
  start.group = axis;
  start.recorded = false;  // there is nothing to record before the wait
  under_way_[output] = start;
}

void Builder::finish_collective(ValueId output) {
  const auto found = under_way_.find(output);
  SHARDPROOF_EXPECTS(found != under_way_.end(), value(output).name, "is not under way");
  const Op start = found->second;
  under_way_.erase(found);
  Op& wait =
      append(OpKind::wait, start.module, start.phase, start.name + ".wait", {output}, {output});
  wait.group = start.group;
  wait.recorded = start.kind != OpKind::all_gather;
}

void Builder::collective(OpKind kind, Axis axis, const std::string& module, Phase phase,
                         const std::string& name, ValueId input, ValueId output) {
  start_collective(kind, axis, module, phase, name, input, output);
  finish_collective(output);
}

void Builder::declare_parameter(const ParameterDescription& parameter, AxisPlacement tp) {
  const ValueId weight = parameters_[parameter.name] =
      add_value({.name = "parameter/" + parameter.name,
                 .shape = parameter.shape,
                 .dtype = policy_.working,
                 .placement = {std::move(tp), replicate()},
                 .lifetime = Lifetime::state});
  const auto [module, leaf] = split_parameter_name(parameter.name);
  append(OpKind::load_parameter, module, Phase::data, "load_" + leaf, {}, {weight},
         {{"parameter", parameter.name}});
}

void Builder::declare_parameters() {
  for (const ParameterDescription& parameter : model().parameters) {
    const std::string module = split_parameter_name(parameter.name).first;
    const std::optional<int> dim = cut_dimension(scenario_.partition, parameter);
    declare_parameter(parameter,
                      dim ? shard(*dim, scenario_.partition.of(module).widths) : replicate());
    if (!dim) continue;
    if (sharded_.empty() || sharded_.back().module != module) sharded_.push_back({module, {}});
    sharded_.back().parameters.push_back(parameter.name);
  }
  for (const ParameterDescription& tensor : model().untrained)
    declare_parameter(tensor, replicate());
}

ValueId Builder::parameter(const std::string& name) const {
  const auto found = parameters_.find(name);
  SHARDPROOF_EXPECTS(found != parameters_.end(), "undeclared parameter", name);
  return found->second;
}

std::pair<std::string, std::string> split_parameter_name(const std::string& name) {
  const auto dot = name.rfind('.');
  SHARDPROOF_EXPECTS(dot != std::string::npos, "a parameter without a module:", name);
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace shardproof::real
