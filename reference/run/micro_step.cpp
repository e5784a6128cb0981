#include "reference/run/micro_step.hpp"

#include <optional>

#include "reference/models/families.hpp"
#include "reference/models/node_rules.hpp"

namespace shardproof::reference {

namespace {

/// A graph with numbers: a variable of the tape for each of its tensors.
class Evaluation {
 public:
  Evaluation(const Graph& graph, const Parameters& parameters, const Tokens& tokens);
  std::vector<NamedTensor> forward() const;
  MicroStepResult backward();

 private:
  Variable variable(Value value) const { return variables_[value.index].value(); }

  const Graph& graph_;
  Tape tape_;
  std::vector<std::optional<Variable>> variables_;
};

Evaluation::Evaluation(const Graph& graph, const Parameters& parameters, const Tokens& tokens)
    : graph_(graph), tape_(graph.micro_batch().groups), variables_(graph.tensors().size()) {
  SHARDPROOF_EXPECTS(tokens.shape == graph.shape(graph.tokens()), to_string(tokens.shape));
  variables_[graph.tokens().index] =
      tape_.leaf(Tensor(tokens.shape, {tokens.values.begin(), tokens.values.end()}));
  for (std::size_t i = 0; i < variables_.size(); ++i)
    if (const GraphTensor& t = graph.tensors()[i];
        t.kind == GraphTensor::Kind::parameter || t.kind == GraphTensor::Kind::untrained)
      variables_[i] = tape_.leaf(parameters.at(t.parameter()));

  for (const Node& node : graph.nodes()) {
    NodeCall call{tape_, node.attributes, {}};
    for (const Value input : node.inputs) call.inputs.push_back(variable(input));
    const std::vector<Variable> outputs = rule_of(node.kind).evaluate(call);
    SHARDPROOF_EXPECTS(outputs.size() == node.outputs.size(), node.module, outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Value output = node.outputs[i];
      SHARDPROOF_EXPECTS(tape_.value(outputs[i]).shape == graph.shape(output), node.module,
                         graph.tensor(output).role, to_string(graph.shape(output)));
      variables_[output.index] = outputs[i];
    }
  }
}

std::vector<NamedTensor> Evaluation::forward() const {
  std::vector<NamedTensor> result;
  for (std::size_t i = 0; i < graph_.tensors().size(); ++i)
    if (const GraphTensor& t = graph_.tensors()[i]; t.kind == GraphTensor::Kind::forward)
      result.push_back({"forward/" + t.module + "/" + t.role, tape_.value(*variables_[i])});
  return result;
}

MicroStepResult Evaluation::backward() {
  const Value loss = graph_.nodes().back().outputs[0];
  Tensor seed(graph_.shape(loss));
  for (double& element : seed.values) element = graph_.micro_batch().gradient_scale;
  tape_.backward(variable(loss), std::move(seed));

  const GradientFlow flow = gradient_flow(graph_);
  const std::vector<GraphTensor>& tensors = graph_.tensors();
  MicroStepResult result{forward(), {}};
  for (std::size_t i = tensors.size(); i-- > 0;) {
    const GraphTensor& t = tensors[i];
    if (t.kind == GraphTensor::Kind::forward && flow.own[i])
      result.tensors.push_back(
          {"backward/" + t.module + "/grad_" + t.role, tape_.gradient(*variables_[i])});
    if (t.kind == GraphTensor::Kind::parameter)
      result.gradients[t.parameter()] = tape_.gradient(*variables_[i]);
  }
  return result;
}

}  // namespace

std::vector<NamedTensor> run_forward(const Graph& graph, const Parameters& parameters,
                                     const Tokens& tokens) {
  return Evaluation(graph, parameters, tokens).forward();
}

MicroStepResult run_micro_step(const Graph& graph, const Parameters& parameters,
                               const Tokens& tokens) {
  return Evaluation(graph, parameters, tokens).backward();
}

MicroStepResult run_micro_step(const ModelDescription& model, const Parameters& parameters,
                               const Tokens& tokens, std::int64_t groups, double gradient_scale) {
  for (const ParameterDescription& expected : model.stored()) {
    const auto found = parameters.find(expected.name);
    SHARDPROOF_EXPECTS(found != parameters.end() && found->second.shape == expected.shape,
                       expected.name, to_string(expected.shape));
  }
  const Graph graph = graph_of(model, {.batch = tokens.shape[0],
                                       .positions = tokens.shape[1],
                                       .groups = groups,
                                       .gradient_scale = gradient_scale});
  return run_micro_step(graph, parameters, tokens);
}

}  // namespace shardproof::reference
