#include "reference/run/inference.hpp"

#include "reference/run/micro_step.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reference {

void run_inference(const Task& task, const TraceHeader& header, const std::string& folder,
                   const Progress& progress) {
  RecordedRun run(task, header, folder, progress);
  Parameters weights;
  for (const ParameterDescription& parameter : task.model.stored())
    weights[parameter.name] = run.initial_parameter(parameter);
  for (int step = 0; step < task.steps; ++step) {
    const Moment moment{Moment::Stage::step, step, 0};
    Pulse::of_this_process().work_on(in_words(moment));
    const Tokens tokens = run.tokens(StepIndex{step}, MicroStep{0});
    for (const NamedTensor& named : run_forward(run.graph(), weights, tokens))
      run.record_activation(moment, named.name, named.tensor);
    run.report(moment);
    run.end_step(StepIndex{step});
  }
  run.close();
}

}  // namespace shardproof::reference
