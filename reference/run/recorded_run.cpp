#include "reference/run/recorded_run.hpp"

#include <utility>

#include "reference/models/families.hpp"

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

}  // namespace

RecordedRun::RecordedRun(const Scenario& scenario, const std::string& folder,
                         const Progress& progress)
    : scenario_(scenario),
      progress_(progress),
      graph_(graph_of(scenario)),
      batches_(scenario),
      initial_(scenario),
      writer_(folder, header_of(scenario)) {}

Tensor RecordedRun::initial_parameter(const ParameterDescription& parameter) {
  Tensor tensor(parameter.shape, initial_.parameter(parameter.name, whole(parameter.shape)));
  record({}, "parameter/" + parameter.name, tensor);
  return tensor;
}

Tokens RecordedRun::tokens(StepIndex step, MicroStep micro) const {
  const int replicas = scenario_.data_parallel();
  std::vector<std::int64_t> ids;
  for (int replica = 0; replica < replicas; ++replica) {
    const std::vector<std::int64_t> own = batches_.tokens(step, micro, replica);
    ids.insert(ids.end(), own.begin(), own.end());
  }
  return Tokens({std::int64_t{replicas} * scenario_.training.micro_batch, scenario_.data.sequence},
                std::move(ids));
}

void RecordedRun::record(const Moment& moment, const std::string& name, const Tensor& tensor,
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

void RecordedRun::record_activation(const Moment& moment, const std::string& name,
                                    const Tensor& tensor) {
  record(moment, name, tensor,
         scenario_.training.working == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32);
}

void RecordedRun::report(const Moment& moment) const {
  if (progress_) progress_(moment);
}

void RecordedRun::end_step(StepIndex step) {
  writer_.flush();
  report({Moment::Stage::step, step.value, -1});
}

}  // namespace shardproof::reference
