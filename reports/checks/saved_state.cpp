#include "reports/checks/saved_state.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/checkpoint/initial_state.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::reports {

namespace {

using Bytes = std::vector<std::byte>;

struct Tensor {
  Dtype dtype;
  Shape shape;
};

// What a run has to carry from step to step, from the scenario alone.
std::map<std::string, Tensor> carried_tensors(const JudgeContext& context) {
  std::map<std::string, Tensor> tensors;
  for (const ParameterDescription& parameter : context.scenario.model.parameters) {
    tensors["parameter/" + parameter.name] = {context.policy.working, parameter.shape};
    for (const std::string& name : optimizer_tensors(context.scenario.training.optimizer))
      tensors["optimizer/" + parameter.name + "/" + name] = {context.policy.master,
                                                             parameter.shape};
  }
  for (const ParameterDescription& tensor : context.scenario.model.untrained)
    tensors["parameter/" + tensor.name] = {context.policy.working, tensor.shape};
  return tensors;
}

// One checkpoint, after `steps_done` steps.
class Saved {
 public:
  Saved(const JudgeContext& context, const EngineTrace& trace, int steps_done, Tally& tally,
        Findings& findings)
      : context_(context),
        scenario_(context.scenario),
        trace_(trace),
        steps_done_(steps_done),
        tally_(tally),
        findings_(findings) {}

  void check() {
    const std::string path = checkpoint_path(trace_.reader().folder(), steps_done_);
    try {
      const Checkpoint checkpoint(path);
      check_origin(checkpoint);
      check_tensors(checkpoint);
      if (scenario_.checkpoint.consolidated) check_consolidated();
    } catch (const ScenarioError& error) {
      fail(error.what());
    }
  }

 private:
  void fail(const std::string& problem) {
    tally_.fail(trace_.execution() + ", after " + std::to_string(steps_done_) +
                (steps_done_ == 1 ? " step: " : " steps: ") + problem);
  }

  void expect(bool holds, const std::string& problem) {
    tally_.add(1, 0, Proof::bitwise);
    if (!holds) fail(problem);
  }

  void check_origin(const Checkpoint& checkpoint) {
    const CheckpointOrigin& origin = checkpoint.origin();
    expect(origin.steps_done == steps_done_,
           "the checkpoint counts " + std::to_string(origin.steps_done) + " steps done");
    expect(origin.model_hash == hash_of(scenario_.model), "the checkpoint is of another model");
    expect(origin.tp == scenario_.parallel.tensor_parallel &&
               origin.dp == scenario_.data_parallel() &&
               origin.zero_stage == scenario_.parallel.zero_stage,
           "the checkpoint is of another grid or ZeRO stage");
    check_counters(origin.counters);
  }

  // Skipped steps are no updates; the scale to come is that of the next step, if it has one.
  void check_counters(const std::map<std::string, double>& counters) {
    const reference::SkippedSteps skipped = skipped_steps(scenario_, trace_);
    int updates = InitialState(scenario_).updates();
    for (int step = scenario_.first_step; step < steps_done_; ++step)
      if (!skipped.contains(step)) ++updates;
    expect(is(counters, "updates", updates),
           "the checkpoint does not count the " + std::to_string(updates) + " updates done");
    const StoredDataset* next =
        trace_.dataset(folder_of({Moment::Stage::step, steps_done_, -1}) + "/scalar/loss_scale", 0);
    if (next == nullptr) return;
    double scale = 0;
    decode(next->info.dtype, trace_.reader().read(*next), {&scale, 1});
    expect(is(counters, "loss_scale", scale),
           "the checkpoint's loss scale is not the " + std::to_string(scale) + " of the next step");
  }

  static bool is(const std::map<std::string, double>& counters, const std::string& name,
                 double value) {
    const auto found = counters.find(name);
    return found != counters.end() && found->second == value;
  }

  void check_tensors(const Checkpoint& checkpoint) {
    const std::map<std::string, Tensor> carried = carried_tensors(context_);
    for (const auto& [name, tensor] : checkpoint.tensors())
      expect(carried.contains(name),
             "the checkpoint holds " + name + ", which is nothing that a step leaves to the next");
    for (const auto& [name, tensor] : carried) {
      checkpoint.expect(name, tensor.dtype, tensor.shape);
      check_tensor(checkpoint, name, tensor);
    }
  }

  // Part by part, so that each element is compared once for each rank that wrote it.
  void check_tensor(const Checkpoint& checkpoint, const std::string& name, const Tensor& tensor) {
    const std::string path = recorded_last(name);
    const Bytes recorded = recorded_bytes(path, tensor);
    if (recorded.empty()) return;
    for (const Checkpoint::Part& part : checkpoint.parts(name)) {
      Bytes expected(part.bytes.size());
      extract(recorded, tensor.shape, part.regions, size_bytes(tensor.dtype), expected);
      const Comparison comparison = compare_bits(expected, part.bytes, tensor.dtype);
      tally_.add(comparison, Proof::bitwise);
      if (comparison.failed > 0)
        findings_.add(failure(part.rank, name, part.regions, comparison),
                      "it is not what was recorded as " + (path.empty() ? "zeros" : path));
    }
  }

  /// Where a tensor was recorded last before the checkpoint; empty for moments before their first
  /// update.
  std::string recorded_last(const std::string& name) const {
    const auto& datasets = trace_.reader().datasets();
    for (int step = steps_done_; step-- > scenario_.first_step;) {
      const std::string path = folder_of({Moment::Stage::step, step, -1}) + "/" + name;
      if (datasets.contains(path)) return path;
    }
    return datasets.contains("/initial/" + name) ? "/initial/" + name : "";
  }

  /// Empty if the recorded tensor cannot be put together, which is then said.
  Bytes recorded_bytes(const std::string& path, const Tensor& tensor) {
    const auto count = static_cast<std::size_t>(element_count(tensor.shape));
    if (path.empty()) return Bytes(count * size_bytes(tensor.dtype));
    AssembledTensor recorded = assemble(trace_.reader(), path, 0);
    if (recorded.problem.empty() && recorded.dtype == tensor.dtype &&
        recorded.shape == tensor.shape)
      return std::move(recorded.bytes);
    fail(path + " cannot be held against the checkpoint: " +
         (recorded.problem.empty() ? "it is of another dtype or shape" : recorded.problem));
    return {};
  }

  Failure failure(int rank, const std::string& name, std::span<const Region> regions,
                  const Comparison& comparison) const {
    Failure failure = failure_at(trace_, rank, {Moment::Stage::step, steps_done_ - 1, -1});
    for (const ExecutedOp& executed : trace_.executed(rank))
      if (executed.moment.stage == Moment::Stage::step && executed.moment.step < steps_done_)
        failure.sequence = executed.sequence;  // the last one before it was saved
    FirstDivergence& divergence = failure.divergence;
    divergence.phase = Phase::checkpoint;
    divergence.op = "checkpoint/save";
    divergence.tensor = checkpoint_path("", steps_done_) + "/" + name;
    divergence.index = index_in_full(regions, comparison.first_failed);
    set_numbers(divergence, comparison);
    return failure;
  }

  // Rank 0 writes them, put together from all ranks' shards.
  void check_consolidated() {
    const std::string path = consolidated_path(trace_.reader().folder(), steps_done_);
    const Safetensors weights(path);
    const std::vector<ParameterDescription> parameters = scenario_.model.stored();
    expect(weights.tensors().size() == parameters.size(),
           path + " holds " + std::to_string(weights.tensors().size()) + " tensors, expected " +
               std::to_string(parameters.size()));
    for (const ParameterDescription& parameter : parameters) check_weight(weights, path, parameter);
  }

  void check_weight(const Safetensors& weights, const std::string& path,
                    const ParameterDescription& parameter) {
    const Tensor tensor{context_.policy.working, parameter.shape};
    const auto found = weights.tensors().find(parameter.name);
    if (found == weights.tensors().end()) return fail(path + " does not hold " + parameter.name);
    if (found->second.dtype != tensor.dtype || found->second.shape != tensor.shape)
      return fail(path + ": " + parameter.name + " is " + name_of(found->second.dtype) + " " +
                  to_string(found->second.shape) + ", expected " + name_of(tensor.dtype) + " " +
                  to_string(tensor.shape));
    const std::string recorded_path = recorded_last("parameter/" + parameter.name);
    const Bytes recorded = recorded_bytes(recorded_path, tensor);
    if (recorded.empty()) return;
    const Region all = whole(tensor.shape);
    const Bytes held = weights.read_bytes(parameter.name, all);
    const Comparison comparison = compare_bits(recorded, held, tensor.dtype);
    tally_.add(comparison, Proof::bitwise);
    if (comparison.failed > 0)
      findings_.add(failure(0, "consolidated/" + parameter.name, std::span(&all, 1), comparison),
                    "it is not what was recorded as " + recorded_path);
  }

  const JudgeContext& context_;
  const Scenario& scenario_;
  const EngineTrace& trace_;
  int steps_done_;
  Tally& tally_;
  Findings& findings_;
};

}  // namespace

void check_saved_state(const JudgeContext& context, const EngineTrace& trace, Tally& tally,
                       Findings& findings) {
  const RunEnd end(context.scenario, trace);
  for (const int steps_done : context.scenario.checkpoint.save_after)
    if (end.is_past({Moment::Stage::step, steps_done - 1, -1}))
      Saved(context, trace, steps_done, tally, findings).check();
}

}  // namespace shardproof::reports
