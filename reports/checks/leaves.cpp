#include "reports/checks/leaves.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "reference/ops/loss_scaler.hpp"
#include "reference/run/learning_rate.hpp"
#include "reference/run/optimizer.hpp"
#include "reports/values/hashed_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "reports/witness/given_samples.hpp"
#include "reports/witness/given_state.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"
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
        given_(context.scenario),
        trace_(trace),
        tally_(tally) {}

  void check() {
    check_weights();
    check_states();
    check_tokens();
    check_scalars();
    // Beside a scalar that is wrong, that another is unknown says less.
    const bool right_so_far = tally_.failed() == 0;
    if (const EngineTrace* engine = trace_.engine())
      for (int rank = 0; rank < trace_.world(); ++rank) {
        check_zeros(*engine, rank);
        if (right_so_far) check_all_are_known(*engine, rank);
      }
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
    for (const ParameterDescription& parameter : scenario_.model.stored()) {
      std::optional<WholeTensor> whole;
      for (const StoredDataset& leaf : stored("/initial/parameter/" + parameter.name)) {
        if (leaf.info.full_shape != parameter.shape) continue;  // coverage says so
        if (!whole) whole = given_.parameter(parameter);
        expect_shape(parameter.name, whole->shape, parameter.shape);
        const std::vector<std::byte> expected = cut(*whole, leaf.info.regions);
        compare_stored(trace_, leaf, expected, working, "it is not what the scenario gives", tally_,
                       findings_);
        refuse_nan(leaf, working, expected);
      }
    }
  }

  // The files were read already, so that this is no user's mistake.
  static void expect_shape(const std::string& name, const Shape& given, const Shape& shape) {
    SHARDPROOF_EXPECTS(given == shape, name, to_string(given), to_string(shape));
  }

  // A run that goes on begins with the masters and moments that were saved.
  void check_states() {
    if (given_.checkpoint() == nullptr) return;
    for (const ParameterDescription& parameter : scenario_.model.parameters)
      for (const std::string& state : optimizer_tensors(scenario_.training.optimizer)) {
        const std::string name = "optimizer/" + parameter.name + "/" + state;
        const Dtype dtype = context_.policy.master;
        const WholeTensor whole = given_.checkpoint()->tensor(name);
        expect_shape(name, whole.shape, parameter.shape);
        SHARDPROOF_EXPECTS(whole.dtype == dtype, name, name_of(whole.dtype), name_of(dtype));
        for (const StoredDataset& leaf : stored("/initial/" + name)) {
          if (leaf.info.full_shape != parameter.shape) continue;
          compare_stored(trace_, leaf, cut(whole, leaf.info.regions), dtype,
                         "it is not what the checkpoint holds", tally_, findings_);
        }
      }
  }

  // Weights that are no numbers are never right, even as given. They are looked at in parts: all of
  // them would take four times their bytes in fp64.
  void refuse_nan(const StoredDataset& leaf, Dtype dtype, std::span<const std::byte> given) {
    const auto count = static_cast<std::int64_t>(given.size() / size_bytes(dtype));
    Comparison comparison;
    std::int64_t element = 0;
    for_each_decoded(*tensor_in(dtype, {count}, borrowed(given)),
                     [&](std::span<const double> some) {
                       for (const double value : some) {
                         if (std::isnan(value)) {
                           if (comparison.failed++ == 0) comparison.first_failed = element;
                           comparison.expected = comparison.got = value;
                         }
                         ++element;
                       }
                     });
    if (comparison.failed == 0) return;
    tally_.add(comparison, Proof::bitwise);
    findings_.add(failure_of(trace_, leaf, comparison), "the scenario's weight is NaN");
  }

  void check_tokens() {
    GivenSamples samples(scenario_);
    SeenSamples seen;
    const std::int64_t rows = scenario_.training.micro_batch;
    const Shape shape{rows * scenario_.data_parallel(), scenario_.data.sequence};
    for (int step = scenario_.first_step; step < scenario_.steps; ++step)
      for (int micro = 0; micro < scenario_.training.accumulation; ++micro) {
        const std::vector<std::int64_t> all = samples.next_micro_step();
        const std::string path = folder_of({Moment::Stage::step, step, micro}) + "/data/tokens";
        const auto bytes = std::as_bytes(std::span(all));
        const WholeTensor whole{Dtype::int64, shape, {bytes.begin(), bytes.end()}};
        for (const StoredDataset& leaf : stored(path)) {
          if (leaf.info.full_shape != shape) continue;
          compare_stored(trace_, leaf, cut(whole, leaf.info.regions), Dtype::int64,
                         is_alike_in_its_group(leaf) ? "it is not what the scenario gives"
                                                     : data_inconsistency,
                         tally_, findings_);
        }
        if (samples.must_differ()) expect_new(path, shape, seen);
        check_data_check({Moment::Stage::step, step, micro});
      }
  }

  // Whatever the scenario gives: that two samples of a run are alike is a defect by itself.
  void expect_new(const std::string& path, const Shape& shape, SeenSamples& seen) {
    std::vector<std::vector<Region>> shown;
    for (const StoredDataset& leaf : stored(path)) {
      if (leaf.info.full_shape != shape || leaf.info.dtype != Dtype::int64) continue;
      if (std::ranges::count(shown, leaf.info.regions) > 0) continue;  // a copy, in its TP group
      shown.push_back(leaf.info.regions);
      const std::vector<std::byte> bytes = trace_.reader().read(leaf);
      std::vector<std::int64_t> tokens(bytes.size() / sizeof(std::int64_t));
      std::memcpy(tokens.data(), bytes.data(), bytes.size());
      if (seen.are_new(tokens, scenario_.data.sequence)) continue;
      Comparison alike;
      alike.failed = 1;
      tally_.add(alike, Proof::bitwise);
      findings_.add(failure_of(trace_, leaf, alike), "it holds a sample that the run had before");
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
    const reference::SkippedSteps skipped = skipped_steps(scenario_, trace_);
    int updates = given_.updates();
    for (int step = scenario_.first_step; step < scenario_.steps; ++step) {
      if (skipped.contains(step)) continue;
      check_count(step, updates);
      for (const auto& [name, value] : scalars_of_update(updates))
        check_scalar(step, name, value, context_.policy.scalars);
      ++updates;
    }
    if (scenario_.trains() && reference::scales_loss(scenario_.training))
      check_loss_scales(skipped);
  }

  std::map<std::string, double> scalars_of_update(int count) const {
    const OptimizerConfig& config = scenario_.training.optimizer;
    const StepIndex update{count};
    const std::map<std::string, double> known{
        {"learning_rate", reference::learning_rate(scenario_.training, update)},
        {"bias_correction1", reference::bias_correction(config.beta1, update)},
        {"bias_correction2", reference::bias_correction(config.beta2, update)},
        {"bias_correction2_root", reference::bias_correction_root(config.beta2, update)}};
    std::map<std::string, double> scalars;
    for (const std::string& name : scalar_names(config)) scalars[name] = known.at(name);
    return scalars;
  }

  // Where a checkpoint was read before a step, and its scalars are those of another update, the
  // count of updates was not restored.
  void check_count(int step, int updates) {
    const Moment moment{Moment::Stage::step, step, -1};
    if (!checkpoint_read_between(scenario_, {Moment::Stage::step, step - 1, -1}, moment)) return;
    for (int rank = 0; rank < trace_.world(); ++rank) {
      const auto counted = counted_updates(moment, rank, updates);
      if (!counted || *counted == updates) continue;
      Failure failure = failure_at(trace_, rank, moment);
      put_in_order(failure, trace_,
                   *trace_.dataset(scalar_path(step, scalars_of_update(0).begin()->first), rank));
      put_at_checkpoint(failure.divergence, "load", step, "updates");
      failure.divergence.index = {0};
      failure.regions = {{{0}, {1}}};  // the ranks' copies are one number
      set_numbers(failure.divergence, {.compared = 1,
                                       .failed = 1,
                                       .expected = static_cast<double>(updates),
                                       .got = static_cast<double>(*counted)});
      tally_.add(1, 1, Proof::bitwise);
      const std::string problem = "the run goes on as if it had done " + std::to_string(*counted) +
                                  " updates, it has done " + std::to_string(updates);
      failure.divergence.cause =
          Cause{"not restored", static_cast<double>(*counted), 1.0, problem, true};
      findings_.add(failure, problem);
    }
  }

  /// After how many updates a rank's scalars of a step are right; nothing if after none of so many,
  /// or if there is but one scalar.
  std::optional<int> counted_updates(const Moment& moment, int rank, int most) const {
    const auto is_recorded = [&](const auto& scalar) {
      const auto recorded = recorded_scalar(trace_, scalar_path(moment.step, scalar.first), rank);
      return recorded == round_to(context_.policy.scalars, scalar.second);
    };
    for (int count = most; count >= 0; --count) {
      const std::map<std::string, double> scalars = scalars_of_update(count);
      // A learning rate alone may be stale for another reason.
      if (scalars.size() > 1 && std::ranges::all_of(scalars, is_recorded)) return count;
    }
    return std::nullopt;
  }

  void check_scalar(int step, const std::string& name, double value, Dtype dtype) {
    const std::string path = scalar_path(step, name);
    for (const StoredDataset& leaf : stored(path)) {
      compare(leaf, dtype, std::span(&value, 1));
      compared_.insert({path, leaf.rank});
    }
  }

  // What the engine loads is what was compared: a scalar that somebody adds to the schedule is not
  // true because no list here has it.
  void check_all_are_known(const EngineTrace& engine, int rank) {
    for (const ExecutedOp& executed : engine.executed(rank)) {
      if (executed.op->kind != OpKind::load_scalar) continue;
      for (const ValueId id : executed.op->outputs) {
        const std::string path =
            folder_of(executed.moment) + "/" + engine.program(rank).value(id).name;
        if (compared_.contains({path, rank})) continue;
        tally_.add(1, 1, Proof::bitwise);
        findings_.add(failure_of(trace_, rank, executed, path),
                      "it is loaded, and nobody says what it has to be");
      }
    }
  }

  void check_loss_scales(const reference::SkippedSteps& skipped) {
    std::vector<bool> overflowed;
    for (int step = scenario_.first_step; step < scenario_.steps; ++step)
      overflowed.push_back(skipped.contains(step));
    const std::vector<double> scales =
        reference::loss_scales(scenario_.training.loss_scale, overflowed, given_.counters());
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
          zeros[write->value] = {count, hash_of_zeros(value.dtype, count)};
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

  // Of many values of one size once.
  std::uint64_t hash_of_zeros(Dtype dtype, std::int64_t count) {
    const auto [found, is_new] = zero_hashes_.try_emplace({dtype, count});
    if (is_new) found->second = hash_of(zero_tensor(dtype, {count}));
    return found->second;
  }

  const JudgeContext& context_;
  const Scenario& scenario_;
  std::map<std::pair<Dtype, std::int64_t>, std::uint64_t> zero_hashes_;
  GivenState given_;
  const RecordedTrace& trace_;
  Tally& tally_;
  Findings findings_;
  std::set<std::pair<std::string, int>> compared_;  // scalars, by path and rank
};

}  // namespace

Tally check_leaves(const JudgeContext& context) {
  Tally tally("leaves", Proof::bitwise);
  for (const RecordedTrace* trace : context.traces) Leaves(context, *trace, tally).check();
  return tally;
}

}  // namespace shardproof::reports
