#include "reference/units/graph_units.hpp"

#include <algorithm>
#include <set>

#include "reference/models/node_rules.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

using Kind = GraphTensor::Kind;

std::string folder(int step, int micro) { return folder_of({Moment::Stage::step, step, micro}); }

class MicroStepUnits {
 public:
  MicroStepUnits(const Graph& graph, int step, int micro, int last_update, std::vector<Unit>& units)
      : graph_(graph),
        step_(step),
        micro_(micro),
        last_update_(last_update),
        folder_(folder(step, micro)),
        flow_(gradient_flow(graph)),
        sums_(graph.tensors().size()),
        units_(units) {}

  void tables() {
    for (const Node& node : graph_.nodes())
      if (is_table(node)) forward(node);
  }
  void forward() {
    for (const Node& node : graph_.nodes())
      if (!is_table(node)) forward(node);
  }
  void backward() {
    const std::vector<Node>& nodes = graph_.nodes();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
      if (node == nodes.rbegin() || flow_.reaches(*node)) backward(*node);
  }

 private:
  /// What has been added up of a tensor's gradient so far.
  struct Sum {
    int contributions = 0;
    std::string path;
  };

  bool is_table(const Node& node) const {
    return graph_.tensor(node.outputs[0]).kind == Kind::table;
  }

  void forward(const Node& node) {
    std::vector<std::string> inputs;
    for (const Value value : node.inputs) inputs.push_back(path(value));
    const std::vector<ByProduct>& by_products = rule_of(node.kind).by_products;
    const std::size_t parts = node.outputs.size() - by_products.size();
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      const Value output = node.outputs[k];
      if (k < parts)
        add(node.kind, forward_attributes(node, k), inputs, path(output), graph_.shape(output),
            node.module, rows(output));
      else
        add(by_products[k - parts].kind, node.attributes,
            paths(node, by_products[k - parts].arguments), path(output), graph_.shape(output),
            node.module, rows(output));
    }
  }

  /// The attributes of the unit of part k, of a node that takes a tensor apart or puts it together.
  static UnitAttributes part(const Node& node, std::size_t k) {
    UnitAttributes attributes = node.attributes;
    if (!attributes.parts.empty() || attributes.experts > 0)
      attributes.part = static_cast<std::int64_t>(k);
    return attributes;
  }

  /// What is looked up does not depend on which row has no gradient.
  static UnitAttributes forward_attributes(const Node& node, std::size_t k) {
    UnitAttributes attributes = part(node, k);
    if (node.kind == UnitKind::embedding) attributes.padding.reset();
    return attributes;
  }

  void backward(const Node& node) {
    for (const BackwardRule& rule : backward_rules(node)) {
      const Value x = node.inputs[rule.input];
      if (!graph_.tensor(x).needs_gradient) continue;
      if (!rule.kind) {
        contribute(x, gradient(node.outputs[0]));
        continue;
      }
      const bool only = flow_.contributions[x.index] == 1;
      const std::string output = only ? gradient_path(x) : contribution_path(node, rule);
      UnitAttributes attributes = part(node, rule.input - std::min(rule.input, rule.first));
      if (*rule.kind == UnitKind::bias_backward) attributes = {};  // a sum, whatever took the bias
      if (*rule.kind == UnitKind::rms_norm_backward_weight) attributes.offset = 0;  // it falls out
      if (is_parameter(x)) attributes.groups = graph_.micro_batch().groups;
      if (*rule.kind == UnitKind::sum_heads) attributes.head_dim = graph_.shape(x).back();
      std::vector<std::string> inputs = paths(node, rule.arguments);
      if (&node == &graph_.nodes().back()) {
        attributes.factor = graph_.micro_batch().gradient_scale;
        if (graph_.micro_batch().scales_loss)
          inputs.push_back(folder(step_, -1) + "/scalar/loss_scale");
      }
      add(*rule.kind, attributes, std::move(inputs), output, gradient_shape(x), node.module,
          rows(x));
      contribute(x, output);
    }
  }

  void contribute(Value x, const std::string& contribution) {
    Sum& sum = sums_[x.index];
    const bool last = ++sum.contributions == flow_.contributions[x.index];
    if (sum.contributions == 1) {
      sum.path = contribution;
    } else {
      const std::string part = "_sum_" + std::to_string(sum.contributions - 1);
      const std::string output = gradient_path(x) + (last ? "" : part);
      add(UnitKind::add, {}, {sum.path, contribution}, output, gradient_shape(x),
          graph_.tensor(x).module, rows(x));
      sum.path = output;
    }
  }

  void add(UnitKind kind, const UnitAttributes& attributes, std::vector<std::string> inputs,
           const std::string& output, const Shape& shape, const std::string& module,
           std::optional<RoutedRows> rows) {
    SHARDPROOF_EXPECTS(outputs_.insert(output).second, output, "is written twice");
    units_.push_back({kind, attributes, std::move(inputs), output, shape, module, std::move(rows)});
  }

  /// A gradient has the rows of what it belongs to.
  std::optional<RoutedRows> rows(Value value) const {
    const std::optional<GraphRows>& known = graph_.tensor(value).rows;
    if (!known) return std::nullopt;
    const std::int64_t groups = graph_.micro_batch().groups;
    return RoutedRows{path(known->selected), known->expert, groups,
                      graph_.shape(value).at(0) / groups};
  }

  std::vector<std::string> paths(const Node& node, const std::vector<Argument>& arguments) const {
    std::vector<std::string> result;
    for (const Argument& argument : arguments) switch (argument.of) {
        case Argument::Of::input: result.push_back(path(node.inputs[argument.index])); break;
        case Argument::Of::optional_input:
          if (argument.index < node.inputs.size())
            result.push_back(path(node.inputs[argument.index]));
          break;
        case Argument::Of::inputs_from:
          for (std::size_t i = argument.index; i < node.inputs.size(); ++i)
            result.push_back(path(node.inputs[i]));
          break;
        case Argument::Of::output: result.push_back(path(node.outputs[argument.index])); break;
        case Argument::Of::gradient: result.push_back(gradient(node.outputs[0])); break;
        case Argument::Of::gradients:
          for (const Value output : node.outputs) result.push_back(gradient(output));
          break;
      }
    return result;
  }

  std::string path(Value value) const {
    const GraphTensor& t = graph_.tensor(value);
    switch (t.kind) {
      case Kind::table: return "/initial/data/" + t.role;
      case Kind::data: return folder_ + "/data/" + t.role;
      case Kind::parameter: return parameter_after(last_update_, t.parameter());
      case Kind::untrained: return parameter_after(-1, t.parameter());
      case Kind::forward: break;
    }
    return folder_ + "/forward/" + t.module + "/" + t.role;
  }

  /// The complete gradient of a tensor: its own, or that of the sum it enters.
  const std::string& gradient(Value value) const {
    const Sum& sum = sums_[value.index];
    SHARDPROOF_EXPECTS(sum.contributions == flow_.contributions[value.index], path(value));
    return sum.path;
  }
  std::string gradient_path(Value value) const {
    const GraphTensor& t = graph_.tensor(value);
    return folder_ + (is_parameter(value) ? "/gradient/" + t.parameter()
                                          : "/backward/" + t.module + "/grad_" + t.role);
  }
  std::string contribution_path(const Node& node, const BackwardRule& rule) const {
    const Value x = node.inputs[rule.input];
    const auto activations = std::ranges::count_if(
        backward_rules(node),
        [&](const BackwardRule& other) { return !is_parameter(node.inputs[other.input]); });
    const std::string name = is_parameter(x)    ? graph_.tensor(x).role
                             : activations == 1 ? "input"
                                                : rule.name;
    return folder_ + "/backward/" + node.module + "/grad_" + name;
  }
  Shape gradient_shape(Value value) const {
    Shape shape = graph_.shape(value);
    if (is_parameter(value)) shape.insert(shape.begin(), graph_.micro_batch().groups);
    return shape;
  }
  bool is_parameter(Value value) const { return graph_.tensor(value).kind == Kind::parameter; }

  const Graph& graph_;
  int step_, micro_, last_update_;
  std::string folder_;
  GradientFlow flow_;
  std::vector<Sum> sums_;
  std::set<std::string> outputs_;
  std::vector<Unit>& units_;
};

}  // namespace

std::string parameter_after(int last_update, const std::string& parameter) {
  const Moment moment = last_update < 0 ? Moment{Moment::Stage::initial, -1, -1}
                                        : Moment{Moment::Stage::step, last_update, -1};
  return folder_of(moment) + "/parameter/" + parameter;
}

void append_tables(const Graph& graph, std::vector<Unit>& units) {
  MicroStepUnits(graph, 0, 0, -1, units).tables();
}

void append_micro_step(const Graph& graph, int step, int micro, int last_update,
                       std::vector<Unit>& units) {
  MicroStepUnits micro_step(graph, step, micro, last_update, units);
  micro_step.forward();
  if (graph.has_loss()) micro_step.backward();
}

}  // namespace shardproof::reference
