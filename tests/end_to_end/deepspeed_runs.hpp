#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reference/run/micro_step.hpp"
#include "reference/run/training.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/data/safetensors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "sim/simulate.hpp"
#include "tests/support/temporary_folder.hpp"

/// What DeepSpeed did (tests/oracle/deepspeed_golden.py), and what we do on the same scenario.
namespace shardproof::tests {

using reference::Tensor;
inline const std::string deepspeed_folder = "oracle/vectors/deepspeed/";

/// One run of DeepSpeed, and what is peculiar to it.
struct DeepSpeedCase {
  std::string file;  // of vectors/deepspeed: fp32, bf16, fp16, fp16-stage0
  int stage = 0;
  Dtype working = Dtype::fp32;
  Dtype sums = Dtype::fp32;     // what its gradients are summed and sent in
  std::string asked_sums = "";  // by the config: another dtype for sums than the working one
  /// Spec-autotp 10.1 #6: stepped once at construction, with gradients of zero.
  bool stepped_at_construction = false;
  /// The first step whose update is not ours, for such a reason.
  int first_other_update = 1'000;
  /// What losses are multiplied by, and what gradients are divided by in each step: 10.1 #7 and #8.
  double loss_scale = 1;
  std::vector<double> unscaled_by = {1, 1};
  double clipping = 0.5;

  std::string name() const {
    return "stage" + std::to_string(stage) + (asked_sums.empty() ? "" : "-" + asked_sums + "-sums");
  }
};
inline std::ostream& operator<<(std::ostream& out, const DeepSpeedCase& of) {
  return out << of.file << ", " << of.name();
}

/// The case as a scenario of ours: the files that DeepSpeed read, with its stage and dtypes.
inline Scenario scenario_of(const DeepSpeedCase& of, const TemporaryFolder& folder) {
  const auto at = [](const std::string& name) {
    return JsonValue(std::filesystem::absolute(deepspeed_folder + name).string());
  };
  const auto object = [](const std::string& key, JsonValue value) {
    return JsonValue::object().set(key, std::move(value));
  };
  JsonValue config = read_json(deepspeed_folder + "deepspeed.json");
  config.set("bf16", object("enabled", of.working == Dtype::bf16));
  if (of.working == Dtype::fp16)
    config.set("fp16",
               object("enabled", true).set("initial_scale_power", 8).set("loss_scale_window", 1));
  config.set("gradient_clipping", of.clipping);
  config.set("zero_optimization", object("stage", of.stage));
  if (!of.asked_sums.empty()) {
    config.set("data_types", object("grad_accum_dtype", of.asked_sums));
    config.set("communication_data_type", of.asked_sums);
  }
  JsonValue scenario = object("name", "deepspeed");
  scenario.set(
      "model",
      object("config", at("model/config.json")).set("weights", at("model/model.safetensors")));
  scenario.set("deepspeed", config).set("world", 4).set("steps", 2);
  scenario.set("data", object("tokens", at("tokens.json")).set("sequence", 8));
  const std::string file = folder / "scenario.json";
  std::ofstream(file) << write_json(scenario, 2);
  return read_scenario(file);
}

/// Numbers that DeepSpeed stored, by the names that deepspeed_golden.py lists.
class DeepSpeedRun {
 public:
  explicit DeepSpeedRun(const DeepSpeedCase& of)
      : file_(deepspeed_folder + of.file + ".safetensors"), case_(of.name() + "/") {}

  Tensor local(int micro, int replica, const std::string& parameter) const {
    return read("local/" + std::to_string(micro) + "/" + std::to_string(replica) + "/" + parameter);
  }
  Tensor of_step(int step, const std::string& name) const {
    return read(case_ + std::to_string(step) + "/" + name);
  }
  double scalar(int step, const std::string& name) const { return of_step(step, name)[0]; }
  /// Elements of the flat gradient that [dp, tp] owns: (2, 2).
  Tensor partition() const { return read(case_ + "partition"); }
  /// Of a parameter that is cut: its widths on the TP ranks; empty if it is not cut.
  std::vector<double> widths(const std::string& parameter) const {
    const std::string name = "widths/" + parameter;
    return file_.tensors().contains(name) ? read(name).values : std::vector<double>{};
  }

 private:
  Tensor read(const std::string& name) const {
    const Shape& shape = file_.tensors().at(name).shape;
    return Tensor(shape, file_.read(name, whole(shape)));
  }

  Safetensors file_;
  std::string case_;
};

/// The same scenario run by our reference (fp64, unsharded) and by our engine (simulated).
class OurRun {
 public:
  explicit OurRun(const DeepSpeedCase& of) : scenario_(scenario_of(of, folder_)) {
    reference::run_reference(scenario_, header_of(scenario_, Execution::reference),
                             folder_ / "reference");
    const bool finished = sim::simulate(scenario_, folder_ / "sim");
    SHARDPROOF_EXPECTS(finished, of);
    exact_ = std::make_unique<TraceReader>(folder_ / "reference");
    engine_ = std::make_unique<TraceReader>(folder_ / "sim");
  }

  const Scenario& scenario() const { return scenario_; }
  const TraceReader& trace() const { return *engine_; }
  Tensor exact(const std::string& path) const { return read(*exact_, path); }
  /// The ranks' shards put together.
  Tensor engine(const std::string& path) const { return read(*engine_, path); }
  /// The gradients of a micro-step of step 0 in fp64, by parameter, the replicas apart:
  /// (D, *shape).
  std::map<std::string, Tensor> exact_local(int micro) const;

 private:
  static Tensor read(const TraceReader& reader, const std::string& path) {
    const reports::AssembledTensor found = reports::assemble(reader, path, 0);
    SHARDPROOF_EXPECTS(found.problem.empty(), path, found.problem);
    return Tensor(found.shape, found.values);
  }

  TemporaryFolder folder_;
  Scenario scenario_;
  std::unique_ptr<TraceReader> exact_, engine_;
};

inline std::map<std::string, Tensor> OurRun::exact_local(int micro) const {
  reference::Parameters weights;
  for (const ParameterDescription& p : scenario_.model.parameters)
    weights[p.name] = exact("/initial/parameter/" + p.name);
  const int replicas = scenario_.data_parallel();
  const Batches batches(scenario_);
  reference::Tokens tokens;
  tokens.shape = {replicas * scenario_.training.micro_batch, scenario_.data.sequence};
  for (int d = 0; d < replicas; ++d)
    for (const std::int64_t id : batches.tokens(StepIndex{0}, MicroStep{micro}, d))
      tokens.values.push_back(id);
  return reference::run_micro_step(scenario_.model, weights, tokens, replicas,
                                   1.0 / scenario_.training.accumulation)
      .gradients;
}

}  // namespace shardproof::tests
