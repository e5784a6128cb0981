#include "real/layers/builder.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
// What only moves bits is hashed in the trace, not stored: the judge derives it from what was
// moved. (unflatten is stored: its outputs are the gradients and parameters that people look for.)
bool moves_bits(OpKind kind) {
  return kind == OpKind::flatten || kind == OpKind::concatenate || kind == OpKind::shard_slice ||
         kind == OpKind::copy || kind == OpKind::zero;
}
}  // namespace

Builder::Builder(const Scenario& scenario)
    : scenario_(scenario), policy_(precision_policy(scenario)) {
  program_.tp = scenario.training.tensor_parallel;
  program_.dp = scenario.data_parallel();
  program_.steps = scenario.steps;
  program_.accumulation = scenario.training.accumulation;
}

Segment& Builder::open_segment(const std::string& name) {
  program_.segments.push_back({.name = name, .ops = {}, .opens = {}, .closes = {}});
  segment_ = static_cast<int>(program_.segments.size()) - 1;
  return program_.segments.back();
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

ValueId Builder::scalar(const std::string& name, Dtype dtype) {
  return add_value({.name = name, .shape = {1}, .dtype = dtype, .placement = {}});
}

Op& Builder::append(OpKind kind, const std::string& module, const std::string& phase,
                    const std::string& name, std::vector<ValueId> inputs,
                    std::vector<ValueId> outputs, Attributes attributes) {
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
  auto& ops = program_.segments[static_cast<std::size_t>(segment_)].ops;
  op.recorded = !moves_bits(kind);
  ops.push_back(std::move(op));
  return ops.back();
}

void Builder::collective(OpKind kind, Axis axis, const std::string& module,
                         const std::string& phase, const std::string& name, ValueId input,
                         ValueId output) {
  const Dtype dtype = value(input).dtype;
  const Dtype wire = dtype == policy_.working ? policy_.wire(axis) : dtype;
  Op& start =
      append(kind, module, phase, name, {input}, {output}, {{"wire", std::string(name_of(wire))}});
  start.group = axis;
  start.recorded = false;  // there is nothing to record before the wait
  Op& wait = append(OpKind::wait, module, phase, name + ".wait", {output}, {output});
  wait.group = axis;
  wait.recorded = kind != OpKind::all_gather;
}

void Builder::declare_parameter(const std::string& name, AxisPlacement tp) {
  const Shape& shape = model().parameter(name).shape;
  const ValueId weight = add_value({.name = "parameter/" + name,
                                    .shape = shape,
                                    .dtype = policy_.working,
                                    .placement = {tp, replicate()},
                                    .lifetime = Lifetime::state});
  parameters_[name] = weight;
  accumulators_[name] = add_value({.name = "accumulator/" + name,
                                   .shape = shape,
                                   .dtype = policy_.working,
                                   .placement = {tp, partial()},
                                   .lifetime = Lifetime::state});
  const auto [module, leaf] = split_parameter_name(name);
  append(OpKind::load_parameter, module, "data", "load_" + leaf, {}, {weight},
         {{"parameter", name}});
}

ValueId Builder::parameter(const std::string& name) const {
  const auto found = parameters_.find(name);
  SHARDPROOF_EXPECTS(found != parameters_.end(), "undeclared parameter", name);
  return found->second;
}

ValueId Builder::accumulator(const std::string& name) const {
  const auto found = accumulators_.find(name);
  SHARDPROOF_EXPECTS(found != accumulators_.end(), "undeclared parameter", name);
  return found->second;
}

ValueId Builder::gradient(const std::string& parameter) {
  Value gradient = value(accumulator(parameter));
  gradient.name = "gradient/" + parameter;
  gradient.lifetime = Lifetime::segment;
  return add_value(std::move(gradient));
}

void Builder::accumulate(const std::string& parameter, ValueId gradient) {
  const auto [module, leaf] = split_parameter_name(parameter);
  const ValueId sum = accumulator(parameter);
  append(OpKind::accumulate, module, "backward", "accumulate_" + leaf, {sum, gradient}, {sum});
}

std::pair<std::string, std::string> split_parameter_name(const std::string& name) {
  const auto dot = name.rfind('.');
  SHARDPROOF_EXPECTS(dot != std::string::npos, "a parameter without a module:", name);
  return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace shardproof::real
