#include "reference/run/recorded_run.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "reference/models/families.hpp"

namespace shardproof::reference {

RecordedRun::RecordedRun(const Task& task, const TraceHeader& header, const std::string& folder,
                         const Progress& progress)
    : task_(task),
      progress_(progress),
      graph_(graph_of(task)),
      batches_(task),
      initial_(task),
      writer_(folder, header) {}

Tensor RecordedRun::initial_parameter(const ParameterDescription& parameter) {
  Tensor tensor(parameter.shape, initial_.parameter(parameter.name, whole(parameter.shape)));
  record({}, "parameter/" + parameter.name, tensor);
  return tensor;
}

Tokens RecordedRun::tokens(StepIndex step, MicroStep micro) const {
  const int replicas = task_.replicas;
  std::vector<std::int64_t> ids;
  for (int replica = 0; replica < replicas; ++replica) {
    const std::vector<std::int64_t> own = batches_.tokens(step, micro, replica);
    ids.insert(ids.end(), own.begin(), own.end());
  }
  return Tokens({std::int64_t{replicas} * task_.training.micro_batch, task_.data.sequence},
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
  if (dtype == Dtype::fp64)  // as it lies
    return writer_.write(std::move(info), std::as_bytes(std::span(tensor.values)));
  std::vector<std::byte> bytes(tensor.values.size() * size_bytes(dtype));
  encode(dtype, tensor.values, bytes);
  writer_.write(std::move(info), bytes);
}

void RecordedRun::record_activation(const Moment& moment, const std::string& name,
                                    const Tensor& tensor) {
  record(moment, name, tensor, task_.training.working == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32);
}

void RecordedRun::report(const Moment& moment) const {
  if (progress_) progress_(moment);
}

void RecordedRun::end_step(StepIndex step) {
  writer_.flush();
  report({Moment::Stage::step, step.value, -1});
}

}  // namespace shardproof::reference
