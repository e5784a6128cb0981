#include "reference/training.hpp"

#include <map>
#include <utility>

#include "reference/families.hpp"
#include "reference/micro_step.hpp"
#include "reference/optimizer.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/data/weights.hpp"

namespace shardproof::reference {

namespace {

TraceHeader header_of(const Scenario& scenario) {
  TraceHeader header;
  header.execution = "reference";
  header.scenario_hash = scenario_hash(scenario);
  header.model_hash = hash_of(scenario.model);
  header.scenario_json = write_scenario(scenario);
  header.settings["seed"] = std::to_string(scenario.seed);
  return header;
}

class Training {
 public:
  Training(const Scenario& scenario, const std::string& folder, const Progress& progress)
      : scenario_(scenario),
        progress_(progress),
        graph_(graph_of(scenario)),
        batches_(scenario),
        writer_(folder, header_of(scenario)) {
    const Weights weights(scenario);
    for (const ParameterDescription& p : scenario.model.parameters) {
      const auto [state, inserted] = states_.emplace(
          p.name, OptimizerState(Tensor(p.shape, weights.read(p.name, whole(p.shape)))));
      SHARDPROOF_EXPECTS(inserted, p.name);
      record({}, "parameter/" + p.name, state->second.master);
    }
  }

  void run() {
    for (int step = 0; step < scenario_.steps; ++step) run_step(StepIndex{step});
    writer_.close();
  }

 private:
  void run_step(StepIndex step);
  /// Returns the loss of each batch group.
  Tensor run_micro_step(StepIndex step, MicroStep micro, const Parameters& parameters);
  void update(StepIndex step);
  Tokens tokens(StepIndex step, MicroStep micro) const;
  Parameters parameters() const;
  void record(const Moment& moment, const std::string& name, const Tensor& tensor,
              Dtype dtype = Dtype::fp64);
  void record_scalar(StepIndex step, const std::string& name, double value) {
    record({Moment::Stage::step, step.value, -1}, "scalar/" + name, Tensor({1}, {value}));
  }
  void report(const Moment& moment) const {
    if (progress_) progress_(moment);
  }

  const Scenario& scenario_;
  const Progress& progress_;
  Graph graph_;
  Batches batches_;
  TraceWriter writer_;
  std::map<std::string, OptimizerState> states_;
  std::map<std::string, Tensor> accumulators_;  // (D, *shape), of the current step
};

void Training::run_step(StepIndex step) {
  accumulators_.clear();
  const Parameters weights = parameters();
  double loss = 0;
  for (int micro = 0; micro < scenario_.training.accumulation; ++micro)
    for (const double group : run_micro_step(step, MicroStep{micro}, weights).values) loss += group;
  record_scalar(step, "loss", loss / scenario_.data_parallel() / scenario_.training.accumulation);
  update(step);
  writer_.flush();
  report({Moment::Stage::step, step.value, -1});
}

Tensor Training::run_micro_step(StepIndex step, MicroStep micro, const Parameters& parameters) {
  const Moment moment{Moment::Stage::step, step.value, micro.value};
  MicroStepResult result = reference::run_micro_step(graph_, parameters, tokens(step, micro));
  for (auto& [name, gradient] : result.gradients) {
    const auto [sum, first] = accumulators_.try_emplace(name, gradient);
    if (first) continue;
    for (std::int64_t i = 0; i < gradient.size(); ++i) sum->second[i] += gradient[i];
  }
  Tensor loss;
  for (NamedTensor& named : result.tensors) {
    // Activations are most of the trace. Beside a run that is not fp64 they are only looked at, and
    // fp32 shows all that there is to see.
    record(moment, named.name, named.tensor,
           scenario_.training.working == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32);
    if (named.name == "forward/loss/output") loss = std::move(named.tensor);
  }
  report(moment);
  return loss;
}

void Training::update(StepIndex step) {
  const OptimizerConfig& config = scenario_.training.optimizer;
  const Moment moment{Moment::Stage::step, step.value, -1};
  std::map<std::string, Tensor> gradients;
  for (const auto& [name, sum] : accumulators_) gradients[name] = mean_over_groups(sum);
  const double norm = global_norm(gradients);
  const double factor = clip_factor(norm, scenario_.training.gradient_clipping);
  record_scalar(step, "grad_norm", norm);
  record_scalar(step, "clip_factor", factor);
  record_scalar(step, "learning_rate", config.learning_rate);
  for (auto& [name, state] : states_) {
    const Tensor& gradient = gradients.at(name);
    record(moment, "gradient/" + name, gradient);
    adamw_step(state, gradient, factor, config, step);
    record(moment, "optimizer/" + name + "/master", state.master);
    record(moment, "optimizer/" + name + "/exp_avg", state.exp_avg);
    record(moment, "optimizer/" + name + "/exp_avg_sq", state.exp_avg_sq);
    record(moment, "parameter/" + name, state.master);
  }
}

/// The micro-batches of all replicas, one after another: (D * B, T).
Tokens Training::tokens(StepIndex step, MicroStep micro) const {
  const int replicas = scenario_.data_parallel();
  std::vector<std::int64_t> ids;
  for (int replica = 0; replica < replicas; ++replica) {
    const std::vector<std::int64_t> own = batches_.tokens(step, micro, replica);
    ids.insert(ids.end(), own.begin(), own.end());
  }
  return Tokens({std::int64_t{replicas} * scenario_.training.micro_batch, scenario_.data.sequence},
                std::move(ids));
}

Parameters Training::parameters() const {
  Parameters weights;
  for (const auto& [name, state] : states_) weights[name] = state.master;
  return weights;
}

void Training::record(const Moment& moment, const std::string& name, const Tensor& tensor,
                      Dtype dtype) {
  DatasetInfo info;
  info.path = folder_of(moment) + "/" + name;
  info.dtype = dtype;
  info.full_shape = tensor.shape;
  info.regions = {whole(tensor.shape)};
  info.placement = "tp=replicate dp=replicate";
  std::vector<std::byte> bytes(tensor.values.size() * size_bytes(dtype));
  encode(dtype, tensor.values, bytes);
  writer_.write(std::move(info), bytes);
}

}  // namespace

void run_reference(const Scenario& scenario, const std::string& folder, const Progress& progress) {
  Training(scenario, folder, progress).run();
}

}  // namespace shardproof::reference
