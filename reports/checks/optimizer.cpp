#include "reports/checks/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "reference/bounds/sums.hpp"
#include "reference/units/step_units.hpp"
#include "reports/checks/budget.hpp"
#include "reports/checks/skipping.hpp"
#include "reports/compare/rounding_set.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::reports {

namespace {

void append(std::vector<Region>& regions, const std::vector<Region>& more) {
  regions.insert(regions.end(), more.begin(), more.end());
}

/// What the other TP ranks hold of a tensor that is cut: with it, a shard makes the tensor whole.
std::vector<Region> other_shards(const Shape& shape, const Placement& placement,
                                 const ProcessGrid& grid, int tp) {
  std::vector<Region> others;
  if (placement.tp.kind != AxisPlacement::Kind::shard) return others;
  for (int other = 0; other < grid.size(Axis::tp); ++other)
    if (other != tp)
      append(others,
             regions_of(shape, placement, grid, grid.rank_at(GroupRank{other}, GroupRank{0})));
  return others;
}

class OptimizerState {
 public:
  OptimizerState(const JudgeContext& context, const RecordedTrace& trace, Tally& tally)
      : context_(context),
        scenario_(context.scenario),
        policy_(context.policy),
        trace_(trace),
        tally_(tally) {}

  void check() {
    for (const ParameterDescription& parameter : scenario_.model.parameters)
      check_owners("/initial/optimizer/" + parameter.name + "/master", parameter);
    const reference::SkippedSteps skipped = skipped_steps(scenario_, trace_);
    const RunEnd end(scenario_, trace_);
    int updates = 0;
    for (int step = scenario_.first_step; step < scenario_.steps; ++step) {
      if (skipped.contains(step) || !end.is_past({Moment::Stage::step, step, -1})) continue;
      check_step(step);
      ++updates;
    }
    if (updates == 0 && !end.at())  // a run that its data check ended fails for that
      tally_.unknown(trace_.execution() + ": " + std::to_string(skipped.size()) + " of " +
                     std::to_string(scenario_.steps - scenario_.first_step) +
                     " steps were skipped: no update was checked");
    for (const auto& [path, stored] : trace_.reader().datasets())
      if (path.find("/padding/") != std::string::npos || path.ends_with("/padding"))
        for (const StoredDataset& padding : stored) check_zero(padding);
    check_skipping(context_, trace_, tally_, findings_);
    findings_.report(tally_);
  }

 private:
  void check_step(int step) {
    const std::string folder = folder_of({Moment::Stage::step, step, -1});
    for (const ParameterDescription& parameter : scenario_.model.parameters) {
      const std::string state = folder + "/optimizer/" + parameter.name + "/";
      check_owners(state + "master", parameter);
      for (const std::string& name : state_names(scenario_.training.optimizer))
        check_owners(state + name, parameter);
      check_working(state + "master", folder + "/parameter/" + parameter.name);
    }
    check_equal_on_all_ranks(folder + "/scalar/grad_norm");
    if (reference::multiplies_gradients(scenario_.training))
      check_equal_on_all_ranks(folder + "/scalar/clip_factor");
    check_norm(folder);
  }

  /// Regions of a tensor on the members of a DP group, against the shard that they share.
  void check_owners(const std::string& path, const ParameterDescription& parameter) {
    const ProcessGrid grid = trace_.grid();
    const Placement placement = parameter_placement(scenario_, parameter.name);
    for (int tp = 0; tp < grid.size(Axis::tp); ++tp) {
      const Rank first = grid.rank_at(GroupRank{tp}, GroupRank{0});
      tally_.add(element_count(local_shape(parameter.shape, placement, grid, first)), 0,
                 Proof::bitwise);
      const std::vector<Region> others = other_shards(parameter.shape, placement, grid, tp);
      std::vector<Region> together = others;
      for (const Rank rank : grid.group(first, Axis::dp)) {
        const StoredDataset* part = trace_.dataset(path, rank.value);
        std::vector<Region> mine = others;
        if (part != nullptr) {
          append(mine, part->info.regions);
          append(together, part->info.regions);
        }
        if (scenario_.parallel.zero_stage == 0 && !tiles_exactly(mine, parameter.shape))
          tally_.fail(trace_.execution() + ": " + path + ": rank " + std::to_string(rank.value) +
                      " does not hold its whole shard once");
      }
      if (scenario_.parallel.zero_stage > 0 && !tiles_exactly(together, parameter.shape))
        tally_.fail(trace_.execution() + ": " + path + ": some element of the shard of TP rank " +
                    std::to_string(tp) + " does not have exactly one owner in its DP group");
    }
  }

  void check_zero(const StoredDataset& padding) {
    const SharedTensor zeros =
        zero_tensor(padding.info.dtype, {element_count(padding.info.regions)});
    compare_stored(trace_, padding, *zeros, "padding is not zero", tally_, findings_);
  }

  void check_working(const std::string& master_path, const std::string& path) {
    const auto found = trace_.reader().datasets().find(path);
    if (found == trace_.reader().datasets().end()) {
      tally_.fail(trace_.execution() + ": " + path + " is not recorded");
      return;
    }
    std::string key;
    SharedTensor rounded;
    std::vector<const StoredDataset*> right;  // that have been seen to be `rounded`
    for (const StoredDataset& working : found->second) {
      const std::string new_key = assembly_key(trace_.reader(), master_path, working.rank);
      if (rounded == nullptr || new_key != key) {
        const AssembledView master = assembled_view(trace_.reader(), master_path, working.rank);
        if (!master.problem.empty()) return tally_.fail(trace_.execution() + ": " + master.problem);
        if (master.elements->shape() != working.info.full_shape)
          return tally_.fail(trace_.execution() + ": " + path + " has not the master's shape");
        for (const StoredDataset* part : master.copies) trace_.reader().check(*part);
        rounded = rounded_to(policy_.working, master.elements);
        key = new_key;
        right.clear();
      }
      if (std::ranges::any_of(
              right, [&](const auto* other) { return have_same_bytes(*other, working); })) {
        trace_.reader().check(working);
        tally_.add(element_count(working.info.regions), 0, Proof::bitwise);
        continue;
      }
      const std::int64_t failed = tally_.failed();
      compare_stored(trace_, working, *as_stored(rounded, working.info.regions),
                     "the working weight is not the rounded master weight", tally_, findings_);
      if (tally_.failed() == failed) right.push_back(&working);
    }
  }

  void check_equal_on_all_ranks(const std::string& path) {
    const StoredDataset* first = trace_.dataset(path, 0);
    if (first == nullptr)
      return tally_.fail(trace_.execution() + ": " + path + " is not recorded on rank 0");
    const std::vector<std::byte> bytes = trace_.reader().read(*first);
    for (int rank = 0; rank < trace_.world(); ++rank) {
      const StoredDataset* other = trace_.dataset(path, rank);
      if (other == nullptr || other->info.full_shape != first->info.full_shape) {
        tally_.fail(trace_.execution() + ": " + path + " is not recorded on rank " +
                    std::to_string(rank));
        continue;
      }
      compare_stored(trace_, *other, bytes, first->info.dtype, "its bits are not those of rank 0",
                     tally_, findings_);
    }
  }

  /// Holds a MiB of the gradients at a time, and adds as if it held all.
  void check_norm(const std::string& folder) {
    reference::SumOfSquares sum;
    std::vector<AssembledView> gradients;
    for (const ParameterDescription& parameter : scenario_.model.parameters) {
      gradients.push_back(
          assembled_view(trace_.reader(), folder + "/gradient/" + parameter.name, 0));
      if (!gradients.back().problem.empty())
        return tally_.fail(trace_.execution() + ": " + gradients.back().problem);
    }
    for (const AssembledView& gradient : gradients) {
      for (const StoredDataset* part : gradient.copies) trace_.reader().check(*part);
      for_each_decoded(*gradient.elements, [&](std::span<const double> some) { sum.add(some); });
    }
    const reference::UnitResult squares = sum.result();
    if (!squares.sound) return tally_.unknown(folder + "/scalar/grad_norm: no sound bound");
    for (int rank = 0; rank < trace_.world(); ++rank)
      if (const StoredDataset* norm = trace_.dataset(folder + "/scalar/grad_norm", rank))
        compare_norm(*norm, squares, loss_scale(folder, rank));
  }

  /// As recorded: that it is the right one, `leaves` says.
  double loss_scale(const std::string& folder, int rank) const {
    return recorded_scalar(trace_, folder + "/scalar/loss_scale", rank).value_or(1);
  }

  /// The root of a number in [f - b - e, f + b + e] over the loss scale, two fp64 roundings, and
  /// the last rounding.
  void compare_norm(const StoredDataset& norm, const reference::UnitResult& squares, double scale) {
    if (norm.info.dtype != policy_.master || element_count(norm.info.regions) != 1)
      return tally_.fail(trace_.execution() + ": " + norm.info.path + " is no " +
                         name_of(policy_.master) + " number on rank " + std::to_string(norm.rank));
    const double f = squares.value.at(0);
    const double room = (squares.bound.empty() ? 0 : squares.bound[0]) +
                        (squares.error.empty() ? 0 : squares.error[0]);
    const double root = std::sqrt(f) / scale;
    const double low = std::sqrt(std::fmax(0, f - room)) / scale;
    const double high = std::sqrt(f + room) / scale;
    const double bound = std::fmax(root - low, high - root) + 0x1p-50 * high;
    double got = 0;
    decode(norm.info.dtype, trace_.reader().read(norm), {&got, 1});
    const bool accepted = accepts(policy_.master, root, bound, 0, got);
    Comparison comparison{.compared = 1,
                          .failed = accepted ? 0 : 1,
                          .first_failed = accepted ? -1 : 0,
                          .expected = root,
                          .got = got,
                          .bound = bound};
    if (std::isfinite(got)) comparison.max_ratio = ratio(policy_.master, root, bound, 0, got);
    tally_.add(comparison, Proof::sound);
    if (!accepted)
      findings_.add(failure_of(trace_, norm, comparison),
                    "it is not the norm of the recorded gradients");
  }

  const JudgeContext& context_;
  const Scenario& scenario_;
  const PrecisionPolicy& policy_;
  const RecordedTrace& trace_;
  Tally& tally_;
  Findings findings_;
};

}  // namespace

Tally check_optimizer(const JudgeContext& context) {
  Tally tally("optimizer", Proof::bitwise);
  if (!context.scenario.trains()) return tally;
  for (const RecordedTrace* trace : context.traces) OptimizerState(context, *trace, tally).check();
  return tally;
}

}  // namespace shardproof::reports
