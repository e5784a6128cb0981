#include "reference/models/graph.hpp"

#include <algorithm>
#include <numeric>

#include "reference/models/node_rules.hpp"

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

Graph::Graph(const std::vector<ParameterDescription>& parameters, const MicroBatch& micro_batch,
             const std::vector<ParameterDescription>& untrained)
    : micro_batch_(micro_batch) {
  for (const ParameterDescription& parameter : parameters) parameters_[parameter.name] = parameter;
  for (const ParameterDescription& constant : untrained) untrained_[constant.name] = constant;
  tokens_ = tensor(Kind::data, "", "tokens", {micro_batch.batch, micro_batch.positions});
}

Value Graph::parameter(const std::string& name) {
  const Kind kind = untrained_.contains(name) ? Kind::untrained : Kind::parameter;
  const auto& described = kind == Kind::untrained ? untrained_ : parameters_;
  const auto found = described.find(name);
  SHARDPROOF_EXPECTS(found != described.end(), name, "is no parameter of the model");
  const auto dot = name.rfind('.');
  const std::string module = name.substr(0, dot), role = name.substr(dot + 1);
  const auto known = by_name_.find(key(kind, module, role));
  if (known != by_name_.end()) return known->second;
  return tensor(kind, module, role, found->second.shape);
}

std::vector<std::string> Graph::unused_parameters() const {
  std::map<std::string, ParameterDescription> unused = parameters_;
  unused.insert(untrained_.begin(), untrained_.end());
  for (const GraphTensor& t : tensors_)
    if (t.kind == Kind::parameter || t.kind == Kind::untrained) unused.erase(t.parameter());
  std::vector<std::string> names;
  for (const auto& [name, parameter] : unused) names.push_back(name);
  return names;
}

Value Graph::positions(std::int64_t first) {
  const Value rows = tensor(Kind::data, "", "positions", shape(tokens_));
  append_to({rows}, UnitKind::positions, {tokens_}, {.offset = static_cast<double>(first)});
  return rows;
}

Rotary Graph::rotary_tables(std::int64_t width, const RotaryFrequencies& frequencies,
                            const std::string& suffix) {
  const Shape shape{micro_batch_.positions, width / 2};
  const UnitAttributes attributes{
      .head_dim = width, .extent = micro_batch_.positions, .frequencies = frequencies};
  const Value cos = tensor(Kind::table, "", "rotary_cos" + suffix, shape);
  const Value sin = tensor(Kind::table, "", "rotary_sin" + suffix, shape);
  append_to({cos}, UnitKind::rotary_table_cos, {}, attributes);
  append_to({sin}, UnitKind::rotary_table_sin, {}, attributes);
  return {cos, sin};
}

Value Graph::alibi_slopes(std::int64_t heads) {
  const Value slopes = tensor(Kind::table, "", "alibi_slopes", {heads});
  append_to({slopes}, UnitKind::alibi_slopes, {}, {.extent = heads, .heads = heads});
  return slopes;
}

Value Graph::embedding(const std::string& module, Value indices,
                       std::optional<std::int64_t> padding) {
  const Value weight = parameter(module + ".weight");
  Shape shape_of_rows = shape(indices);
  shape_of_rows.push_back(shape(weight).at(1));
  UnitAttributes attributes{.extent = shape(weight).at(0)};
  attributes.padding = padding;
  return append(UnitKind::embedding, module, "output", {weight, indices}, shape_of_rows,
                attributes);
}

Value Graph::rms_norm(const std::string& module, Value x, double eps, double offset) {
  const Value weight = parameter(module + ".weight");
  const std::int64_t width = shape(weight).at(0);
  return append(UnitKind::rms_norm, module, "output", {x, weight}, shape(x),
                {.extent = width == shape(x).back() ? 0 : width, .eps = eps, .offset = offset});
}

Value Graph::layer_norm(const std::string& module, Value x, double eps) {
  return append(UnitKind::layer_norm, module, "output",
                {x, parameter(module + ".weight"), parameter(module + ".bias")}, shape(x),
                {.eps = eps});
}

Value Graph::linear(const std::string& module, Value x, const std::string& weight) {
  const std::string name = weight.empty() ? module + ".weight" : weight;
  const Value w = parameter(name);
  const bool conv1d = parameters_.at(name).module_class == ModuleClass::conv1d;
  const Shape y = with_features(shape(x), shape(w).at(conv1d ? 1 : 0));
  const bool biased = has_parameter(module + ".bias");
  const Value product =
      append(UnitKind::matmul, module, biased ? "product" : "output", {x, w}, y,
             {.weight_layout = conv1d ? WeightLayout::in_out : WeightLayout::out_in});
  if (!biased) return product;
  return append(UnitKind::add_bias, module, "output", {product, parameter(module + ".bias")}, y);
}

Value Graph::rotary(const std::string& module, const std::string& role, Value x,
                    const Rotary& tables, const RotaryForm& form) {
  return append(UnitKind::rotary, module, role, {x, tables.cos, tables.sin}, shape(x),
                {.head_dim = form.head_dim, .pairing = form.pairing});
}

Value Graph::attention(const std::string& module, Value q, Value k, Value v,
                       const AttentionForm& form, std::optional<Value> slopes) {
  const Shape queries = shape(q);
  const std::int64_t heads = queries[2] / form.head_dim;
  std::vector<Value> inputs{q, k, v};
  if (slopes) inputs.push_back(*slopes);
  const Value y = append(UnitKind::attention, module, "attention", std::move(inputs),
                         with_features(queries, heads * form.value_dim()), {.attention = form});
  by_product("lse", {queries[0], heads, queries[1]});
  return y;
}

Value Graph::swiglu(const std::string& module, Value gate, Value up) {
  return append(UnitKind::swiglu, module, "activation", {gate, up}, shape(gate));
}

Value Graph::gelu(const std::string& module, Value x, GeluForm form) {
  return append(UnitKind::gelu, module, "activation", {x}, shape(x), {.gelu = form});
}

Value Graph::relu(const std::string& module, Value x) {
  return append(UnitKind::relu, module, "activation", {x}, shape(x));
}

Value Graph::product(const std::string& module, const std::string& role, Value a, Value b) {
  return append(UnitKind::product, module, role, {a, b}, shape(a));
}

Value Graph::scaled(const std::string& module, const std::string& role, Value x, double factor) {
  return append(UnitKind::scale, module, role, {x}, shape(x), {.factor = factor});
}

Value Graph::soft_cap(const std::string& module, const std::string& role, Value x, double cap) {
  return append(UnitKind::soft_cap, module, role, {x}, shape(x), {.cap = cap});
}

Value Graph::sigmoid(const std::string& module, const std::string& role, Value x) {
  return append(UnitKind::sigmoid, module, role, {x}, shape(x));
}

std::vector<Value> Graph::split(const std::string& module, const std::vector<std::string>& roles,
                                Value x, const std::vector<std::int64_t>& widths) {
  SHARDPROOF_EXPECTS(roles.size() == widths.size(), module, roles.size(), widths.size());
  const std::int64_t heads = shape(x).back() / std::reduce(widths.begin(), widths.end());
  std::vector<Value> parts;
  for (std::size_t k = 0; k < roles.size(); ++k)
    parts.push_back(
        tensor(Kind::forward, module, roles[k], with_features(shape(x), heads * widths[k])));
  append_to(parts, UnitKind::split, {x}, {.parts = widths});
  return parts;
}

Value Graph::join(const std::string& module, const std::string& role,
                  const std::vector<Value>& apart, const std::vector<std::int64_t>& widths) {
  std::int64_t features = 0;
  for (const Value part : apart) features += shape(part).back();
  return append(UnitKind::join, module, role, apart, with_features(shape(apart.at(0)), features),
                {.parts = widths});
}

Value Graph::repeat_heads(const std::string& module, const std::string& role, Value x,
                          std::int64_t heads) {
  const std::int64_t width = shape(x).back();
  return append(UnitKind::repeat_heads, module, role, {x}, with_features(shape(x), heads * width),
                {.extent = heads});
}

Routing Graph::route(const std::string& module, Value logits, const RoutingRule& rule,
                     const std::string& correction) {
  UnitAttributes attributes{.factor = rule.factor};
  attributes.experts_per_token = rule.experts_per_token;
  attributes.route = rule.form;
  attributes.expert_groups = rule.groups;
  std::vector<Value> inputs{logits};
  if (!correction.empty()) inputs.push_back(parameter(correction));
  const Shape shape_of_choice = with_features(shape(logits), rule.experts_per_token);
  const Value weights = append(UnitKind::route_weights, module, "weights", std::move(inputs),
                               shape_of_choice, attributes);
  by_product("selected", shape_of_choice);
  return {nodes_.back().outputs[1], weights};
}

std::vector<Value> Graph::dispatch(const std::string& module, Value x, const Routing& routing,
                                   std::int64_t experts, ExpertRows order) {
  const Shape tokens = shape(x);
  const std::int64_t count = tokens[0] * tokens[1];
  UnitAttributes attributes{.groups = micro_batch_.groups, .extent = count / micro_batch_.groups};
  attributes.experts = experts;
  attributes.expert_rows = order;
  std::vector<Value> parts;
  for (std::int64_t e = 0; e < experts; ++e) {
    parts.push_back(tensor(Kind::forward, module + ".experts." + std::to_string(e), "tokens",
                           {count, tokens[2]}));
    tensors_[parts.back().index].rows = GraphRows{routing.selected, e};
  }
  append_to(parts, UnitKind::moe_dispatch, {x, routing.selected}, attributes);
  nodes_.back().module = module;
  return parts;
}

Value Graph::combine(const std::string& module, const std::string& role, const Routing& routing,
                     const std::vector<Value>& parts, ExpertRows order) {
  UnitAttributes attributes{.groups = micro_batch_.groups,
                            .extent = shape(parts.at(0))[0] / micro_batch_.groups};
  attributes.experts = static_cast<std::int64_t>(parts.size());
  attributes.expert_rows = order;
  std::vector<Value> inputs{routing.selected, routing.weights};
  inputs.insert(inputs.end(), parts.begin(), parts.end());
  return append(UnitKind::moe_combine, module, role, std::move(inputs),
                with_features(shape(routing.selected), shape(parts[0]).back()), attributes);
}

Value Graph::add(const std::string& module, const std::string& role, Value a, Value b) {
  return append(UnitKind::add, module, role, {a, b}, shape(a));
}

Value Graph::loss(Value logits, UnitKind kind) {
  const Value labels = tensor(Kind::data, "", "labels", shape(tokens_));
  UnitAttributes attributes;
  attributes.padding = micro_batch_.padding;
  append_to({labels}, UnitKind::shift_labels, {tokens_}, attributes);
  has_loss_ = true;
  return append(kind, "loss", "output", {logits, labels}, {micro_batch_.groups},
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
  append_to({output}, kind, std::move(inputs), attributes);
  return output;
}

void Graph::append_to(const std::vector<Value>& outputs, UnitKind kind, std::vector<Value> inputs,
                      const UnitAttributes& attributes) {
  nodes_.push_back({kind, attributes, tensor(outputs.at(0)).module, std::move(inputs), outputs});
  const Node& node = nodes_.back();
  const bool needs_gradient = std::ranges::any_of(
      backward_rules(node),
      [&](const BackwardRule& rule) { return tensor(node.inputs.at(rule.input)).needs_gradient; });
  for (const Value output : outputs) tensors_[output.index].needs_gradient = needs_gradient;
  // What is computed row by row has the rows of what it is computed from.
  if (outputs.size() > 1 || node.inputs.empty()) return;
  const Value output = outputs[0], first = node.inputs[0];
  if (shape(output).at(0) == shape(first).at(0)) tensors_[output.index].rows = tensor(first).rows;
}

void Graph::by_product(const std::string& role, Shape shape) {
  Node& node = nodes_.back();
  node.outputs.push_back(tensor(Kind::forward, node.module, role, std::move(shape)));
}

bool GradientFlow::reaches(const Node& node) const {
  return std::ranges::any_of(node.outputs,
                             [&](Value output) { return contributions[output.index] > 0; });
}

GradientFlow gradient_flow(const Graph& graph) {
  GradientFlow flow{std::vector<int>(graph.tensors().size()),
                    std::vector<bool>(graph.tensors().size())};
  const Node* loss = &graph.nodes().back();
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    if (&*node != loss && !flow.reaches(*node)) continue;
    for (const BackwardRule& rule : backward_rules(*node)) {
      const Value x = node->inputs[rule.input];
      if (!graph.tensor(x).needs_gradient) continue;
      // The second contribution makes it a sum, whatever the first was.
      flow.own[x.index] = flow.contributions[x.index]++ > 0 || rule.kind.has_value();
    }
  }
  return flow;
}

}  // namespace shardproof::reference
