#include "reference/run/inference.hpp"

#include "reference/run/micro_step.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

void run_inference(const Task& task, const TraceHeader& header, const std::string& folder,
                   const Progress& progress) {
  RecordedRun run(task, header, folder, progress);
  Parameters parameters;
  for (const ParameterDescription& parameter : task.model.stored())
    parameters[parameter.name] = run.initial_parameter(parameter);
  const auto weights = [&](const std::string& name) -> const Tensor& {
    return parameters.at(name);
  };
  for (int step = 0; step < task.steps; ++step) {
    const Moment moment{Moment::Stage::step, step, 0};
    Pulse::of_this_process().work_on(in_words(moment));
    const auto record = [&](const std::string& name, const Tensor& tensor) {
      run.record_activation(moment, name, tensor);
    };
    run_forward(run.graph(), weights, run.tokens(StepIndex{step}, MicroStep{0}), {record});
    run.report(moment);
    run.end_step(StepIndex{step});
  }
  run.close();
}

}  // namespace shardproof::reference
