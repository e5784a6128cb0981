#include "reference/graph.hpp"

#include <algorithm>

#include "reference/node_rules.hpp"

namespace shardproof::reference {

namespace {

Shape with_features(Shape shape, std::int64_t width) {
  shape.back() = width;
  return shape;
}

std::string key(GraphTensor::Kind kind, const std::string& module, const std::string& role) {
  return std::to_string(static_cast<int>(kind)) + "/" + module + "/" + role;
}

}  // namespace

Graph::Graph(const std::vector<ParameterDescription>& parameters, const MicroBatch& micro_batch)
    : micro_batch_(micro_batch) {
  for (const ParameterDescription& parameter : parameters)
    parameters_[parameter.name] = parameter.shape;
  tokens_ = tensor(Kind::data, "", "tokens", {micro_batch.batch, micro_batch.positions});
}

Value Graph::parameter(const std::string& name) {
  const auto described = parameters_.find(name);
  SHARDPROOF_EXPECTS(described != parameters_.end(), name, "is no parameter of the model");
  const auto dot = name.rfind('.');
  const std::string module = name.substr(0, dot), role = name.substr(dot + 1);
  const auto known = by_name_.find(key(Kind::parameter, module, role));
  if (known != by_name_.end()) return known->second;
  return tensor(Kind::parameter, module, role, described->second);
}

std::vector<std::string> Graph::unused_parameters() const {
  std::map<std::string, Shape> unused = parameters_;
  for (const GraphTensor& t : tensors_)
    if (t.kind == Kind::parameter) unused.erase(t.parameter());
  std::vector<std::string> names;
  for (const auto& [name, shape] : unused) names.push_back(name);
  return names;
}

Rotary Graph::rotary_tables(std::int64_t head_dim, double theta) {
  const Shape shape{micro_batch_.positions, head_dim / 2};
  const UnitAttributes attributes{
      .head_dim = head_dim, .extent = micro_batch_.positions, .theta = theta};
  const Value cos = tensor(Kind::table, "", "rotary_cos", shape);
  const Value sin = tensor(Kind::table, "", "rotary_sin", shape);
  return {append_to(cos, UnitKind::rotary_table_cos, {}, attributes),
          append_to(sin, UnitKind::rotary_table_sin, {}, attributes), head_dim};
}

Value Graph::embedding(const std::string& module, Value indices) {
  const Value weight = parameter(module + ".weight");
  Shape shape_of_rows = shape(indices);
  shape_of_rows.push_back(shape(weight).at(1));
  return append(UnitKind::embedding, module, "output", {weight, indices}, shape_of_rows,
                {.extent = shape(weight).at(0)});
}

Value Graph::rms_norm(const std::string& module, Value x, double eps) {
  return append(UnitKind::rms_norm, module, "output", {x, parameter(module + ".weight")}, shape(x),
                {.eps = eps});
}

Value Graph::linear(const std::string& module, Value x, const std::string& weight) {
  const Value w = parameter(weight.empty() ? module + ".weight" : weight);
  const Shape y = with_features(shape(x), shape(w).at(0));
  const bool biased = has_parameter(module + ".bias");
  const Value product = append(UnitKind::matmul, module, biased ? "product" : "output", {x, w}, y);
  if (!biased) return product;
  return append(UnitKind::add_bias, module, "output", {product, parameter(module + ".bias")}, y);
}

Value Graph::rotary(const std::string& module, const std::string& role, Value x,
                    const Rotary& tables) {
  return append(UnitKind::rotary, module, role, {x, tables.cos, tables.sin}, shape(x),
                {.head_dim = tables.head_dim});
}

Value Graph::attention(const std::string& module, Value q, Value k, Value v,
                       std::int64_t head_dim) {
  const Shape queries = shape(q);
  const Value y =
      append(UnitKind::attention, module, "attention", {q, k, v}, queries, {.head_dim = head_dim});
  by_product("lse", {queries[0], queries[2] / head_dim, queries[1]});
  return y;
}

Value Graph::swiglu(const std::string& module, Value gate, Value up) {
  return append(UnitKind::swiglu, module, "activation", {gate, up}, shape(gate));
}

Value Graph::add(const std::string& module, const std::string& role, Value a, Value b) {
  return append(UnitKind::add, module, role, {a, b}, shape(a));
}

Value Graph::loss(Value logits) {
  const Value labels = append_to(tensor(Kind::data, "", "labels", shape(tokens_)),
                                 UnitKind::shift_labels, {tokens_}, {});
  return append(UnitKind::cross_entropy, "loss", "output", {logits, labels}, {micro_batch_.groups},
                {.groups = micro_batch_.groups});
}

Value Graph::tensor(Kind kind, const std::string& module, const std::string& role, Shape shape) {
  const Value value{tensors_.size()};
  const bool is_new = by_name_.emplace(key(kind, module, role), value).second;
  SHARDPROOF_EXPECTS(is_new, module, role, "occurs twice");
  tensors_.push_back({kind, module, role, std::move(shape), kind == Kind::parameter});
  return value;
}

Value Graph::append(UnitKind kind, const std::string& module, const std::string& role,
                    std::vector<Value> inputs, Shape shape, const UnitAttributes& attributes) {
  const Value output = tensor(Kind::forward, module, role, std::move(shape));
  return append_to(output, kind, std::move(inputs), attributes);
}

Value Graph::append_to(Value output, UnitKind kind, std::vector<Value> inputs,
                       const UnitAttributes& attributes) {
  GraphTensor& result = tensors_[output.index];
  for (const BackwardRule& rule : rule_of(kind).backward)
    result.needs_gradient |= tensor(inputs.at(rule.input)).needs_gradient;
  nodes_.push_back({kind, attributes, result.module, std::move(inputs), {output}});
  return output;
}

void Graph::by_product(const std::string& role, Shape shape) {
  Node& node = nodes_.back();
  node.outputs.push_back(tensor(Kind::forward, node.module, role, std::move(shape)));
}

GradientFlow gradient_flow(const Graph& graph) {
  GradientFlow flow{std::vector<int>(graph.tensors().size()),
                    std::vector<bool>(graph.tensors().size())};
  const auto loss = graph.nodes().back().outputs.at(0).index;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    const std::size_t y = node->outputs[0].index;
    if (y != loss && flow.contributions[y] == 0) continue;
    for (const BackwardRule& rule : rule_of(node->kind).backward) {
      const Value x = node->inputs[rule.input];
      if (!graph.tensor(x).needs_gradient) continue;
      // The second contribution makes it a sum, whatever the first was.
      flow.own[x.index] = flow.contributions[x.index]++ > 0 || rule.kind.has_value();
    }
  }
  return flow;
}

}  // namespace shardproof::reference
