#include "reference/run/training.hpp"

#include <map>
#include <utility>

#include "reference/ops/compensated_sum.hpp"
#include "reference/run/inference.hpp"
#include "reference/run/learning_rate.hpp"
#include "reference/run/micro_step.hpp"
#include "reference/run/optimizer.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

namespace {

class Training {
 public:
  Training(const Task& task, const TraceHeader& header, const std::string& folder,
           const Progress& progress)
      : task_(task), run_(task, header, folder, progress), updates_(run_.initial().updates()) {
    for (const ParameterDescription& p : task.model.parameters)
      SHARDPROOF_EXPECTS(states_.emplace(p.name, initial_state(p)).second, p.name);
    for (const ParameterDescription& p : task.model.untrained)
      untrained_[p.name] = run_.initial_parameter(p);
    const std::vector<std::size_t> groups = groups_of_parameters(task);
    for (std::size_t i = 0; i < groups.size(); ++i)
      weight_decay_[task.model.parameters[i].name] = weight_decay_of(task, groups[i]);
  }

  void run() {
    for (int step = task_.first_step; step < task_.steps; ++step) run_step(StepIndex{step});
    run_.close();
  }

 private:
  OptimizerState initial_state(const ParameterDescription& parameter);
  void run_step(StepIndex step);
  /// Returns the loss of each batch group.
  Tensor run_micro_step(StepIndex step, MicroStep micro);
  void accumulate(const std::string& parameter, Tensor gradient);
  void update(StepIndex step);
  const Tensor& weight(const std::string& name) const;
  void record_scalar(StepIndex step, const std::string& name, double value) {
    run_.record({Moment::Stage::step, step.value, -1}, "scalar/" + name, Tensor({1}, {value}));
  }

  const Task& task_;
  RecordedRun run_;
  std::map<std::string, OptimizerState> states_;
  Parameters untrained_;
  std::map<std::string, double> weight_decay_;
  int updates_;                                 // before this step
  std::map<std::string, Tensor> accumulators_;  // (D, *shape), of the current step
};

OptimizerState Training::initial_state(const ParameterDescription& parameter) {
  OptimizerState state(run_.initial_parameter(parameter), task_.training.optimizer);
  if (run_.initial().checkpoint() == nullptr) return state;
  const std::string folder = "optimizer/" + parameter.name + "/";
  state.master.values = run_.initial().tensor(folder + "master");
  for (auto& [name, tensor] : state.moments)
    tensor = Tensor(state.master.shape, run_.initial().tensor(folder + name));
  return state;
}

void Training::run_step(StepIndex step) {
  CompensatedSum<double> loss;
  for (int micro = 0; micro < task_.training.accumulation; ++micro)
    for (const double group : run_micro_step(step, MicroStep{micro}).values) loss += group;
  record_scalar(step, "loss", loss.value() / task_.replicas / task_.training.accumulation);
  update(step);
  run_.end_step(step);
}

Tensor Training::run_micro_step(StepIndex step, MicroStep micro) {
  const Moment moment{Moment::Stage::step, step.value, micro.value};
  Pulse::of_this_process().work_on(in_words(moment));
  Tensor loss;
  const auto record = [&](const std::string& name, const Tensor& tensor) {
    run_.record_activation(moment, name, tensor);
    if (name == "forward/loss/output") loss = tensor;
  };
  const auto weights = [&](const std::string& name) -> const Tensor& { return weight(name); };
  reference::run_micro_step(run_.graph(), weights, run_.tokens(step, micro),
                            {record, [&](const std::string& parameter, Tensor gradient) {
                               accumulate(parameter, std::move(gradient));
                             }});
  run_.report(moment);
  return loss;
}

void Training::accumulate(const std::string& parameter, Tensor gradient) {
  const auto [entry, first] = accumulators_.try_emplace(parameter, std::move(gradient));
  if (first) return;
  Tensor& sum = entry->second;
  for (std::int64_t i = 0; i < sum.size(); ++i) sum[i] += gradient[i];
}

// A parameter's gradient goes as soon as its moments, which take as much room, have taken it in.
void Training::update(StepIndex step) {
  OptimizerConfig config = task_.training.optimizer;
  const Moment moment{Moment::Stage::step, step.value, -1};
  std::map<std::string, Tensor> gradients = std::exchange(accumulators_, {});
  for (auto& [name, gradient] : gradients) gradient = mean_over_groups(std::move(gradient));
  const double norm = global_norm(gradients);
  const double factor = clip_factor(norm, task_.training.gradient_clipping);
  record_scalar(step, "grad_norm", norm);
  record_scalar(step, "clip_factor", factor);
  const StepIndex update{updates_++};
  const double lr = learning_rate(task_.training, update);
  record_scalar(step, "learning_rate", lr);
  for (auto& [name, state] : states_) {
    const Tensor gradient = std::move(gradients.at(name));
    run_.record(moment, "gradient/" + name, gradient);
    config.weight_decay = weight_decay_.at(name);
    optimizer_step(state, gradient, factor, config, lr, update);
    run_.record(moment, "optimizer/" + name + "/master", state.master);
    for (const auto& [moment_name, tensor] : state.moments)
      run_.record(moment, "optimizer/" + name + "/" + moment_name, tensor);
    run_.record(moment, "parameter/" + name, state.master);
  }
}

const Tensor& Training::weight(const std::string& name) const {
  const auto trained = states_.find(name);
  return trained != states_.end() ? trained->second.master : untrained_.at(name);
}

}  // namespace

void run_reference(const Task& task, const TraceHeader& header, const std::string& folder,
                   const Progress& progress) {
  if (task.trains())
    Training(task, header, folder, progress).run();
  else
    run_inference(task, header, folder, progress);
}

}  // namespace shardproof::reference
