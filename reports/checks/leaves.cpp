#include "reports/checks/leaves.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "reference/ops/loss_scaler.hpp"
#include "reference/run/learning_rate.hpp"
#include "reference/run/optimizer.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/checkpoint/initial_state.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

// DeepSpeed's words (spec-autotp 7.4).
constexpr const char* data_inconsistency =
    "Data inconsistency within the TP group. Please check the Dataloader implementation to ensure "
    "consistency.";

std::vector<std::byte> encoded(Dtype dtype, std::span<const double> values) {
  std::vector<std::byte> bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return bytes;
}

class Leaves {
 public:
  Leaves(const JudgeContext& context, const RecordedTrace& trace, Tally& tally)
      : context_(context),
        scenario_(context.scenario),
        initial_(context.scenario),
        trace_(trace),
        tally_(tally) {}

  void check() {
    check_weights();
    check_states();
    check_tokens();
    check_scalars();
    if (const EngineTrace* engine = trace_.engine())
      for (int rank = 0; rank < trace_.world(); ++rank) check_zeros(*engine, rank);
    findings_.report(tally_);
  }

 private:
  const std::vector<StoredDataset>& stored(const std::string& path) const {
    static const std::vector<StoredDataset> none;
    const auto found = trace_.reader().datasets().find(path);
    return found == trace_.reader().datasets().end() ? none : found->second;
  }

  void compare(const StoredDataset& leaf, Dtype dtype, std::span<const double> expected,
               const char* problem = "it is not what the scenario gives") {
    compare_stored(trace_, leaf, encoded(dtype, expected), dtype, problem, tally_, findings_);
  }

  void check_weights() {
    const Dtype working = context_.policy.working;
    for (const ParameterDescription& parameter : scenario_.model.stored())
      for (const StoredDataset& leaf : stored("/initial/parameter/" + parameter.name)) {
        if (leaf.info.full_shape != parameter.shape) continue;  // coverage says so
        std::vector<double> expected;
        for (const Region& region : leaf.info.regions) {
          const std::vector<double> part = initial_.parameter(parameter.name, region);
          expected.insert(expected.end(), part.begin(), part.end());
        }
        compare(leaf, working, expected);
        refuse_nan(leaf, expected);
      }
  }

  // A run that goes on begins with the masters and moments that were saved.
  void check_states() {
    if (initial_.checkpoint() == nullptr) return;
    for (const ParameterDescription& parameter : scenario_.model.parameters)
      for (const std::string& state : optimizer_tensors(scenario_.training.optimizer)) {
        const std::string name = "optimizer/" + parameter.name + "/" + state;
        const Dtype dtype = context_.policy.master;
        initial_.checkpoint()->expect(name, dtype, parameter.shape);
        for (const StoredDataset& leaf : stored("/initial/" + name)) {
          if (leaf.info.full_shape != parameter.shape) continue;
          compare_stored(trace_, leaf, initial_.checkpoint()->read(name, leaf.info.regions), dtype,
                         "it is not what the checkpoint holds", tally_, findings_);
        }
      }
  }

  // Weights that are no numbers are never right, even as given.
  void refuse_nan(const StoredDataset& leaf, const std::vector<double>& given) {
    Comparison comparison;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!std::isnan(given[i])) continue;
      if (comparison.failed++ == 0) comparison.first_failed = static_cast<std::int64_t>(i);
      comparison.expected = comparison.got = given[i];
    }
    if (comparison.failed == 0) return;
    tally_.add(comparison, Proof::bitwise);
    findings_.add(failure_of(trace_, leaf, comparison), "the scenario's weight is NaN");
  }

  void check_tokens() {
    const Batches batches(scenario_);
    const std::int64_t rows = scenario_.training.micro_batch;
    const Shape shape{rows * scenario_.data_parallel(), scenario_.data.sequence};
    for (int step = scenario_.first_step; step < scenario_.steps; ++step)
      for (int micro = 0; micro < scenario_.training.accumulation; ++micro) {
        std::vector<std::int64_t> all;
        for (int dp = 0; dp < scenario_.data_parallel(); ++dp) {
          const auto part = batches.tokens(StepIndex{step}, MicroStep{micro}, dp);
          all.insert(all.end(), part.begin(), part.end());
        }
        const std::string path = folder_of({Moment::Stage::step, step, micro}) + "/data/tokens";
        for (const StoredDataset& leaf : stored(path)) {
          if (leaf.info.full_shape != shape) continue;
          std::vector<std::int64_t> part(
              static_cast<std::size_t>(element_count(leaf.info.regions)));
          extract(std::as_bytes(std::span(all)), shape, leaf.info.regions, sizeof(std::int64_t),
                  std::as_writable_bytes(std::span(part)));
          const std::vector<double> expected(part.begin(), part.end());
          if (is_alike_in_its_group(leaf))
            compare(leaf, Dtype::int64, expected);
          else
            compare(leaf, Dtype::int64, expected, data_inconsistency);
        }
        check_data_check({Moment::Stage::step, step, micro});
      }
  }

  bool is_alike_in_its_group(const StoredDataset& leaf) const {
    return std::ranges::all_of(
        trace_.grid().group(Rank{leaf.rank}, Axis::tp), [&](const Rank other) {
          const StoredDataset* copy = trace_.dataset(leaf.info.path, other.value);
          return copy == nullptr || copy->info.hash == leaf.info.hash;
        });
  }

  // The scenario gives all ranks of a TP group one batch.
  void check_data_check(const Moment& moment) {
    const double alike = 0;
    for (const StoredDataset& flag : stored(data_check_path(moment)))
      compare(flag, Dtype::fp32, {&alike, 1},
              "the data check says that the tokens of a TP group are not alike");
  }

  /// Of a skipped step there are no scalars but the loss scale, and neither the powers of beta nor
  /// the schedule advance.
  void check_scalars() {
    const OptimizerConfig& config = scenario_.training.optimizer;
    const reference::SkippedSteps skipped = skipped_steps(scenario_, trace_);
    int updates = initial_.updates();
    for (int step = scenario_.first_step; step < scenario_.steps; ++step) {
      if (skipped.contains(step)) continue;
      const StepIndex update{updates++};
      const std::map<std::string, double> expected{
          {"learning_rate", reference::learning_rate(scenario_.training, update)},
          {"bias_correction1", reference::bias_correction(config.beta1, update)},
          {"bias_correction2", reference::bias_correction(config.beta2, update)},
          {"bias_correction2_root", reference::bias_correction_root(config.beta2, update)}};
      for (const std::string& name : scalar_names(config))
        check_scalar(step, name, expected.at(name), context_.policy.scalars);
    }
    if (scenario_.trains() && reference::scales_loss(scenario_.training))
      check_loss_scales(skipped);
  }

  void check_scalar(int step, const std::string& name, double value, Dtype dtype) {
    for (const StoredDataset& leaf :
         stored(folder_of({Moment::Stage::step, step, -1}) + "/scalar/" + name))
      compare(leaf, dtype, std::span(&value, 1));
  }

  void check_loss_scales(const reference::SkippedSteps& skipped) {
    std::vector<bool> overflowed;
    for (int step = scenario_.first_step; step < scenario_.steps; ++step)
      overflowed.push_back(skipped.contains(step));
    const std::vector<double> scales =
        reference::loss_scales(scenario_.training.loss_scale, overflowed, initial_.counters());
    for (int step = scenario_.first_step; step < scenario_.steps; ++step) {
      const auto index = static_cast<std::size_t>(step - scenario_.first_step);
      if (index < scales.size())
        check_scalar(step, "loss_scale", scales[index], context_.policy.master);
      else
        tally_.fail(trace_.execution() + ": step " + std::to_string(step) +
                    " was run: an overflow at the smallest loss scale ends a run before");
    }
  }

  void check_zeros(const EngineTrace& engine, int rank) {
    const Program& program = engine.program(rank);
    std::map<ValueId, std::pair<std::int64_t, std::uint64_t>> zeros;  // elements and hash
    for (const ExecutedOp& executed : engine.executed(rank)) {
      if (executed.op->kind != OpKind::zero) continue;
      for (const AccessRecord* write : executed.writes) {
        const Value& value = program.value(write->value);
        if (!zeros.contains(write->value)) {
          const std::int64_t count = element_count(local_shape(program, value, Rank{rank}));
          const std::vector<std::byte> bytes(static_cast<std::size_t>(count) *
                                             size_bytes(value.dtype));
          zeros[write->value] = {count, tensor_hash(bytes)};
        }
        const auto& [count, hash] = zeros[write->value];
        tally_.add(count, write->hash == hash ? 0 : 1, Proof::bitwise);
        if (write->hash == hash) continue;
        Failure failure =
            failure_of(trace_, rank, executed, folder_of(executed.moment) + "/" + value.name);
        failure.divergence.wrong_elements = 1;  // at least: only its hash is kept
        findings_.add(failure, "it is not all zero");
      }
    }
  }

  const JudgeContext& context_;
  const Scenario& scenario_;
  InitialState initial_;
  const RecordedTrace& trace_;
  Tally& tally_;
  Findings findings_;
};

}  // namespace

Tally check_leaves(const JudgeContext& context) {
  Tally tally("leaves", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces) Leaves(context, *trace, tally).check();
  return tally;
}

}  // namespace shardproof::reports
