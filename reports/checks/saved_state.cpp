#include "reports/checks/saved_state.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "reference/ops/loss_scaler.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "reports/witness/given_state.hpp"
#include "scenarios/checkpoint/checkpoint.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/scenario_writer.hpp"

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

/// What a run has counted after `steps_done` steps, all of it: the list by which what a checkpoint
/// counts is checked, and which it may neither fall short of nor go beyond.
///
/// The scale is that of the step to come. A dynamic one remembers how many steps it has seen, the
/// last that overflowed (-1: none), and how many more it bears until one halves it, that one
/// included (spec-autotp 7.10).
std::map<std::string, double> expected_counters(const Scenario& scenario,
                                                const reference::SkippedSteps& skipped,
                                                int steps_done) {
  const GivenState given(scenario);
  const LossScaleConfig& config = scenario.training.loss_scale;
  const auto hysteresis = static_cast<double>(config.hysteresis);
  std::map<std::string, double> counters = given.counters();
  if (counters.empty())
    counters = {{"updates", 0},
                {"loss_scale", 1},
                {"loss_scale_steps", 0},
                {"loss_scale_last_overflow", -1},
                {"loss_scale_tolerated", hysteresis}};
  std::vector<bool> overflowed;
  for (int step = scenario.first_step; step < steps_done; ++step) {
    overflowed.push_back(skipped.contains(step));
    if (!skipped.contains(step)) ++counters["updates"];
  }
  if (!reference::scales_loss(scenario.training)) return counters;
  const std::vector<double> scales = reference::loss_scales(config, overflowed, given.counters());
  counters["loss_scale"] = scales.back();
  if (config.fixed != 0) return counters;
  for (std::size_t i = 0; i < overflowed.size() && i + 1 < scales.size(); ++i) {
    double& tolerated = counters["loss_scale_tolerated"];
    if (overflowed[i]) {
      counters["loss_scale_last_overflow"] = scenario.first_step + static_cast<double>(i);
      tolerated = std::max(1.0, tolerated - 1);
    } else if (scales[i + 1] > scales[i] || config.consecutive_hysteresis) {
      tolerated = hysteresis;
    }
    ++counters["loss_scale_steps"];
  }
  return counters;
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
      Checkpoint(path).check_all();  // whole and undamaged
      const SavedCheckpoint checkpoint(path);
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

  void check_origin(const SavedCheckpoint& checkpoint) {
    expect(checkpoint.steps_done() == steps_done_,
           "the checkpoint counts " + std::to_string(checkpoint.steps_done()) + " steps done");
    expect(checkpoint.told("model_hash").text == hash_of(scenario_.model),
           "the checkpoint is of another model");
    expect(checkpoint.told("tp").integer == scenario_.parallel.tensor_parallel &&
               checkpoint.told("dp").integer == scenario_.data_parallel() &&
               checkpoint.told("zero_stage").integer == scenario_.parallel.zero_stage,
           "the checkpoint is of another grid or ZeRO stage");
    check_counters(checkpoint.counters());
  }

  void check_counters(const std::map<std::string, double>& counted) {
    const std::map<std::string, double> expected =
        expected_counters(scenario_, skipped_steps(scenario_, trace_), steps_done_);
    for (const auto& [name, value] : expected) {
      const auto found = counted.find(name);
      expect(found != counted.end() && found->second == value,
             "the checkpoint counts " + name + " = " +
                 (found == counted.end() ? "nothing" : shown(found->second)) + ", expected " +
                 shown(value));
    }
    for (const auto& [name, value] : counted)
      expect(expected.contains(name), "the checkpoint counts " + name + " = " + shown(value) +
                                          ", and nobody says what it has to be");
  }

  static std::string shown(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.17g", value);
    return text;
  }

  void check_tensors(const SavedCheckpoint& checkpoint) {
    const std::map<std::string, Tensor> carried = carried_tensors(context_);
    for (const auto& [name, tensor] : checkpoint.tensors())
      expect(carried.contains(name),
             "the checkpoint holds " + name + ", which is nothing that a step leaves to the next");
    for (const auto& [name, tensor] : carried) {
      const auto saved = checkpoint.tensors().find(name);
      const bool alike = saved != checkpoint.tensors().end() &&
                         saved->second.dtype == tensor.dtype && saved->second.shape == tensor.shape;
      expect(alike, "the checkpoint does not hold " + name + " as a " + name_of(tensor.dtype) +
                        " " + to_string(tensor.shape));
      if (alike) check_tensor(checkpoint, name, tensor);
    }
  }

  // Part by part, so that each element is compared once for each rank that wrote it; and that they
  // are all there, once put together.
  void check_tensor(const SavedCheckpoint& checkpoint, const std::string& name,
                    const Tensor& tensor) {
    const std::string path = recorded_last(name);
    const WholeTensor recorded{tensor.dtype, tensor.shape, recorded_bytes(path, tensor)};
    if (recorded.bytes.empty()) return;
    bool differs = false;
    for (const SavedCheckpoint::Part& part : checkpoint.tensors().at(name).parts) {
      const Comparison comparison =
          compare_bits(cut(recorded, part.regions), checkpoint.bytes(name, part), tensor.dtype);
      tally_.add(comparison, Proof::bitwise);
      if (comparison.failed == 0) continue;
      differs = true;
      findings_.add(failure(part.rank, name, part.regions, comparison),
                    "it is not what was recorded as " + (path.empty() ? "zeros" : path));
    }
    if (!differs)
      expect(checkpoint.tensor(name).bytes == recorded.bytes,
             "the parts of " + name + " do not make up what was recorded");
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
    put_at_checkpoint(divergence, "save", steps_done_, name);
    divergence.index = index_in_full(regions, comparison.first_failed);
    set_numbers(divergence, comparison);
    return failure;
  }

  // Rank 0 writes them, put together from all ranks' shards. The folder is what people take away,
  // so all of it is looked at: what transformers would read, and that there is nothing else.
  void check_consolidated() {
    const std::string folder = consolidated_path(trace_.reader().folder(), steps_done_);
    const WholeFile weights(folder + "/model.safetensors");
    const std::vector<ParameterDescription> parameters = scenario_.model.stored();
    expect(weights.rows().size() == parameters.size(),
           folder + " holds " + std::to_string(weights.rows().size()) + " tensors, expected " +
               std::to_string(parameters.size()));
    for (const ParameterDescription& parameter : parameters) check_weight(weights, parameter);
    expect(weights.metadata("format") == "pt",
           folder + "/model.safetensors does not say that its format is pt");
    check_config(folder + "/config.json");
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      expect(name == "config.json" || name == "model.safetensors",
             entry.path().string() + " is nothing that a consolidated model has");
    }
  }

  // Read as a user's config.json is, which goes by what transformers publishes, it has to give the
  // model that was trained.
  void check_config(const std::string& path) {
    const JsonValue config = read_json(path);
    expect(hash_of(model_from_json(config)) == hash_of(scenario_.model),
           path + " does not describe the model that was trained");
  }

  void check_weight(const WholeFile& weights, const ParameterDescription& parameter) {
    const Tensor tensor{context_.policy.working, parameter.shape};
    const auto found = weights.rows().find(parameter.name);
    if (found == weights.rows().end())
      return fail(weights.path() + " does not hold " + parameter.name);
    if (found->second.dtype != tensor.dtype || found->second.shape != tensor.shape)
      return fail(weights.path() + ": " + parameter.name + " is " + name_of(found->second.dtype) +
                  " " + to_string(found->second.shape) + ", expected " + name_of(tensor.dtype) +
                  " " + to_string(tensor.shape));
    const std::string recorded_path = recorded_last("parameter/" + parameter.name);
    const Bytes recorded = recorded_bytes(recorded_path, tensor);
    if (recorded.empty()) return;
    const Region all = whole(tensor.shape);
    const Comparison comparison =
        compare_bits(recorded, weights.tensor(parameter.name).bytes, tensor.dtype);
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
