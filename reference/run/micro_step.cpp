#include "reference/run/micro_step.hpp"

#include <algorithm>
#include <utility>

#include "reference/models/families.hpp"
#include "reference/models/node_rules.hpp"
#include "reference/models/stretches.hpp"

namespace shardproof::reference {

namespace {

using Kind = GraphTensor::Kind;

/// A stretch of the graph with numbers: a variable of the tape for each tensor that it reads or
/// writes, by the tensor's index.
struct StretchTape {
  Tape tape;
  std::map<std::size_t, Variable> variables = {};
};

class MicroStep {
 public:
  MicroStep(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
            const MicroStepSink& sink);
  /// `backward_follows`: what a stretch hands on is kept after its last reader too.
  void forward(bool backward_follows);
  void backward();

 private:
  const Tensor& given(Value value) const;
  void evaluate(const Stretch& stretch, StretchTape& on) const;
  void tell_and_keep(std::size_t s, StretchTape& on);
  void forget_what_only(std::size_t s);
  void flow_back(const Stretch& stretch);
  void tell_gradients(const Stretch& stretch, const GradientFlow& flow);
  void hand_over_gradients(std::size_t s);
  std::vector<Value> outputs_of(const Stretch& stretch) const {
    std::vector<Value> outputs;
    for (std::size_t node = stretch.begin; node < stretch.end; ++node) {
      const std::vector<Value>& of_node = graph_.nodes()[node].outputs;
      outputs.insert(outputs.end(), of_node.begin(), of_node.end());
    }
    return outputs;
  }

  const Graph& graph_;
  const WeightOf& weights_;
  const MicroStepSink& sink_;
  std::vector<Stretch> stretches_;
  Readers readers_;
  // By the tensor's index: what later stretches read, and the gradients that they have left.
  std::vector<Tensor> kept_, gradients_;
};

MicroStep::MicroStep(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
                     const MicroStepSink& sink)
    : graph_(graph),
      weights_(weights),
      sink_(sink),
      stretches_(stretches_of(graph)),
      readers_(readers_of(graph, stretches_)),
      kept_(graph.tensors().size()),
      gradients_(graph.tensors().size()) {
  SHARDPROOF_EXPECTS(tokens.shape == graph.shape(graph.tokens()), to_string(tokens.shape));
  kept_[graph.tokens().index] = Tensor(tokens.shape, {tokens.values.begin(), tokens.values.end()});
}

void MicroStep::forward(bool backward_follows) {
  for (std::size_t s = 0; s < stretches_.size(); ++s) {
    StretchTape on{Tape(graph_.micro_batch().groups)};
    evaluate(stretches_[s], on);
    tell_and_keep(s, on);
    if (!backward_follows) forget_what_only(s);
  }
}

void MicroStep::backward() {
  const Value loss = graph_.nodes().back().outputs[0];
  gradients_[loss.index] = Tensor(graph_.shape(loss));
  for (double& element : gradients_[loss.index].values)
    element = graph_.micro_batch().gradient_scale;
  const GradientFlow flow = gradient_flow(graph_);
  for (std::size_t s = stretches_.size(); s-- > 0;) {
    flow_back(stretches_[s]);
    tell_gradients(stretches_[s], flow);
    hand_over_gradients(s);
  }
}

const Tensor& MicroStep::given(Value value) const {
  const GraphTensor& t = graph_.tensor(value);
  const bool is_weight = t.kind == Kind::parameter || t.kind == Kind::untrained;
  return is_weight ? weights_(t.parameter()) : kept_[value.index];
}

void MicroStep::evaluate(const Stretch& stretch, StretchTape& on) const {
  for (std::size_t n = stretch.begin; n < stretch.end; ++n) {
    const Node& node = graph_.nodes()[n];
    NodeCall call{on.tape, node.attributes, {}};
    for (const Value input : node.inputs) {
      if (!on.variables.contains(input.index))
        on.variables.emplace(input.index, on.tape.given(given(input)));
      call.inputs.push_back(on.variables.at(input.index));
    }
    const std::vector<Variable> outputs = rule_of(node.kind).evaluate(call);
    SHARDPROOF_EXPECTS(outputs.size() == node.outputs.size(), node.module, outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const Value output = node.outputs[i];
      SHARDPROOF_EXPECTS(on.tape.value(outputs[i]).shape == graph_.shape(output), node.module,
                         graph_.tensor(output).role, to_string(graph_.shape(output)));
      on.variables.emplace(output.index, outputs[i]);
    }
  }
}

void MicroStep::tell_and_keep(std::size_t s, StretchTape& on) {
  for (const Value output : outputs_of(stretches_[s])) {
    const GraphTensor& t = graph_.tensor(output);
    const Variable variable = on.variables.at(output.index);
    if (t.kind == Kind::forward)
      sink_.tensor("forward/" + t.module + "/" + t.role, on.tape.value(variable));
    const std::size_t last = readers_.last[output.index];
    if (last != Readers::nobody && last > s) kept_[output.index] = on.tape.take_value(variable);
  }
}

void MicroStep::forget_what_only(std::size_t s) {
  for (std::size_t i = 0; i < kept_.size(); ++i)
    if (readers_.last[i] == s) kept_[i] = {};
}

// What later stretches read of this one has had its last use, and what they left of its gradients
// is whole. To what it reads itself this one adds, behind them, its own contributions: a sum has
// the order of a single tape.
void MicroStep::flow_back(const Stretch& stretch) {
  for (const Value output : outputs_of(stretch)) kept_[output.index] = {};
  const bool reached = std::ranges::any_of(
      outputs_of(stretch), [&](Value output) { return !gradients_[output.index].values.empty(); });
  if (!reached) return;
  StretchTape on{Tape(graph_.micro_batch().groups)};
  evaluate(stretch, on);
  for (const auto& [index, variable] : on.variables)
    if (!gradients_[index].values.empty())
      on.tape.seed(variable, std::exchange(gradients_[index], {}));
  on.tape.backward();
  for (const auto& [index, variable] : on.variables)
    gradients_[index] = on.tape.take_gradient(variable);
}

void MicroStep::tell_gradients(const Stretch& stretch, const GradientFlow& flow) {
  std::vector<Value> outputs = outputs_of(stretch);
  std::ranges::reverse(outputs);
  for (const Value output : outputs) {
    const GraphTensor& t = graph_.tensor(output);
    if (t.kind == Kind::forward && flow.own[output.index])
      sink_.tensor("backward/" + t.module + "/grad_" + t.role, gradients_[output.index]);
    gradients_[output.index] = {};
  }
}

// Those of the weights that no stretch before this one takes.
void MicroStep::hand_over_gradients(std::size_t s) {
  for (std::size_t i = 0; i < gradients_.size(); ++i)
    if (graph_.tensors()[i].kind == Kind::parameter && readers_.first[i] == s)
      sink_.gradient(graph_.tensors()[i].parameter(), std::exchange(gradients_[i], {}));
}

WeightOf in(const Parameters& parameters) {
  return [&](const std::string& name) -> const Tensor& { return parameters.at(name); };
}

}  // namespace

void run_forward(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
                 const MicroStepSink& sink) {
  MicroStep(graph, weights, tokens, sink).forward(/*backward_follows=*/false);
}

void run_micro_step(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
                    const MicroStepSink& sink) {
  MicroStep micro_step(graph, weights, tokens, sink);
  micro_step.forward(/*backward_follows=*/true);
  micro_step.backward();
}

MicroStepResult run_micro_step(const Graph& graph, const Parameters& parameters,
                               const Tokens& tokens) {
  MicroStepResult result;
  run_micro_step(graph, in(parameters), tokens,
                 {.tensor =
                      [&](const std::string& name, const Tensor& tensor) {
                        result.tensors.push_back({name, tensor});
                      },
                  .gradient =
                      [&](const std::string& parameter, Tensor gradient) {
                        result.gradients.emplace(parameter, std::move(gradient));
                      }});
  return result;
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
