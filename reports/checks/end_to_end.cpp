#include "reports/checks/end_to_end.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "reports/checks/amplified_noise.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

/// The longest sum of the model: along a feature dimension, the vocabulary, or the tokens of a
/// group.
std::int64_t longest_sum(const Scenario& scenario) {
  std::int64_t longest = scenario.training.micro_batch * scenario.data.sequence;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    for (const std::int64_t extent : parameter.shape) longest = std::max(longest, extent);
  return longest;
}

/// The largest |difference| of two tensors, and the largest element of the second; a NaN is
/// infinite.
struct Distance {
  double difference = 0;
  double largest = 0;
  double relative() const { return difference == 0 ? 0 : difference / largest; }
  void add(std::span<const double> got, std::span<const double> expected) {
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double d = std::fabs(got[i] - expected[i]);
      difference = std::isnan(d) ? INFINITY : std::max(difference, d);
      largest = std::max(largest, std::fabs(expected[i]));
    }
  }
};

Distance distance(std::span<const double> got, std::span<const double> expected) {
  Distance result;
  result.add(got, expected);
  return result;
}

Distance distance(const TensorView& got, const TensorView& expected) {
  Distance result;
  for_each_decoded(got, expected, [&](std::span<const double> some, std::span<const double> right) {
    result.add(some, right);
  });
  return result;
}

/// Of each element only what is beyond `excused`.
double largest_beyond(const TensorView& got, const TensorView& expected,
                      std::span<const double> excused) {
  Distance result;
  std::vector<double> beyond;
  for_each_decoded(got, expected, [&](std::span<const double> some, std::span<const double> right) {
    beyond.assign(some.begin(), some.end());
    for (std::size_t i = 0; i < some.size(); ++i)
      if (excused[i] > 0 && std::fabs(some[i] - right[i]) <= excused[i]) beyond[i] = right[i];
    result.add(beyond, right);
    excused = excused.subspan(some.size());
  });
  return result.difference;
}

bool are_alike(const SharedTensor& got, const SharedTensor& expected) {
  return got != nullptr && expected != nullptr && got->elements() > 0 &&
         got->elements() == expected->elements();
}

class Comparer {
 public:
  Comparer(const JudgeContext& context, Tally& tally, std::vector<TrendPoint>& trend)
      : context_(context),
        tally_(tally),
        trend_(trend),
        allowed_(static_cast<double>(context.units.size()) *
                 static_cast<double>(longest_sum(context.scenario)) * 0x1p-53) {}

  /// The reference skips no step: from the first one that an engine skipped the two train on other
  /// batches, and are not compared. That step's loss still is of the same weights.
  void compare(const RecordedTrace& trace) {
    const reference::SkippedSteps skipped = skipped_steps(context_.scenario, trace);
    const RunEnd end(context_.scenario, trace);
    AmplifiedNoise noise(context_.scenario.training.optimizer,
                         static_cast<double>(longest_sum(context_.scenario)) * 0x1p-53);
    for (int step = context_.scenario.first_step; step < context_.scenario.steps; ++step) {
      const Moment moment{Moment::Stage::step, step, -1};
      if (!end.is_past(moment)) return;
      const std::string folder = folder_of(moment);
      if (!context_.scenario.trains()) {
        compare_logits(trace, step, folder);
        continue;
      }
      compare_loss(trace, step, folder);
      if (skipped.contains(step)) {
        skipped_from_ = "; " + trace.execution() + " skipped step " + std::to_string(step) +
                        ", up to which it is compared";
        return;
      }
      compare_norm(trace, step, folder);
      compare_parameters(trace, step, folder, noise);
      compare_routing(trace, step, folder);
    }
  }

  /// What is to be said of skipped steps; empty if there is none.
  const std::string& skipped_from() const { return skipped_from_; }

 private:
  /// A tensor of an execution or of the reference; empty (and said so) if it is not there.
  std::vector<double> read(const TraceReader& reader, const std::string& whose,
                           const std::string& path) {
    AssembledTensor tensor = assemble(reader, path, 0);
    if (!tensor.problem.empty()) tally_.fail(whose + ": " + tensor.problem);
    return std::move(tensor.values);
  }

  /// The same, to be read range by range; nullptr if it is not there.
  SharedTensor look(const TraceReader& reader, const std::string& whose, const std::string& path) {
    const AssembledView tensor = assembled_view(reader, path, 0);
    if (!tensor.problem.empty()) tally_.fail(whose + ": " + tensor.problem);
    for (const StoredDataset* part : tensor.copies) reader.check(*part);
    return tensor.elements;
  }

  void compare_loss(const RecordedTrace& trace, int step, const std::string& folder) {
    double sum = 0;
    const int micro_steps = context_.scenario.training.accumulation;
    for (int micro = 0; micro < micro_steps; ++micro) {
      const std::vector<double> losses =
          read(trace.reader(), trace.execution(),
               folder_of({Moment::Stage::step, step, micro}) + "/forward/loss/output");
      if (losses.empty()) return;
      double replicas = 0;
      for (const double loss : losses) replicas += loss;
      sum += replicas / static_cast<double>(losses.size());
    }
    compare_scalar(trace, step, "loss", sum / micro_steps, folder + "/scalar/loss");
  }

  /// The logits are what a step's last unit computes.
  void compare_logits(const RecordedTrace& trace, int step, const std::string& folder) {
    const auto last =
        std::find_if(context_.units.rbegin(), context_.units.rend(),
                     [&](const auto& unit) { return unit.output.starts_with(folder + "/"); });
    if (last == context_.units.rend()) return tally_.fail(folder + ": the reference has no unit");
    const SharedTensor got = look(trace.reader(), trace.execution(), last->output);
    const SharedTensor expected = look(*context_.reference, "reference", last->output);
    if (!are_alike(got, expected)) return;
    const Distance apart = distance(*got, *expected);
    trend_.push_back({trace.execution(), step, "logits relative error", apart.relative(), 0});
    gate(trace, last->output, got->elements(), apart);
  }

  void compare_norm(const RecordedTrace& trace, int step, const std::string& folder) {
    const std::string path = folder + "/scalar/grad_norm";
    const std::vector<double> norm = read(trace.reader(), trace.execution(), path);
    if (!norm.empty()) compare_scalar(trace, step, "grad_norm", norm.front(), path);
  }

  void compare_scalar(const RecordedTrace& trace, int step, const std::string& quantity, double got,
                      const std::string& path) {
    const std::vector<double> expected = read(*context_.reference, "reference", path);
    if (expected.empty()) return;
    trend_.push_back({trace.execution(), step, quantity, got, expected.front()});
    gate(trace, folder_of({Moment::Stage::step, step, -1}) + ", " + quantity, 1,
         distance({&got, 1}, {expected.data(), 1}));
  }

  /// What rounding may have moved each element of a parameter by where its gradient vanishes; empty
  /// where nothing is gated, and without Adam.
  std::vector<double> excused(const RecordedTrace& trace, const std::string& folder,
                              const std::string& parameter, AmplifiedNoise& noise) {
    if (!gates() || context_.scenario.training.optimizer.kind == OptimizerConfig::Kind::sgd)
      return {};
    const std::string path = folder + "/optimizer/" + parameter + "/exp_avg";
    const std::vector<double> got = read(trace.reader(), trace.execution(), path);
    const std::vector<double> expected = read(*context_.reference, "reference", path);
    const auto scalar = [&](const char* name) {
      const std::vector<double> value =
          read(*context_.reference, "reference", folder + "/scalar/" + name);
      return value.empty() ? 0 : value.front();
    };
    if (got.empty() || got.size() != expected.size()) return {};
    return noise.after(parameter, {scalar("grad_norm"), scalar("learning_rate"), got, expected});
  }

  void compare_parameters(const RecordedTrace& trace, int step, const std::string& folder,
                          AmplifiedNoise& noise) {
    double worst = 0;
    for (const ParameterDescription& parameter : context_.scenario.model.parameters) {
      const std::string path = folder + "/parameter/" + parameter.name;
      const SharedTensor got = look(trace.reader(), trace.execution(), path);
      const SharedTensor expected = look(*context_.reference, "reference", path);
      if (!are_alike(got, expected)) continue;
      Distance apart = distance(*got, *expected);
      worst = std::max(worst, apart.relative());
      const std::vector<double> of_rounding = excused(trace, folder, parameter.name, noise);
      if (std::ssize(of_rounding) == got->elements())
        apart.difference = largest_beyond(*got, *expected, of_rounding);
      gate(trace, path, got->elements(), apart);
    }
    trend_.push_back({trace.execution(), step, "parameter relative error", worst, 0});
  }

  /// Which experts a token chooses jumps where two logits are about equal: shown, not judged.
  /// (Units are judged with the choice that the engine recorded.)
  void compare_routing(const RecordedTrace& trace, int step, const std::string& folder) {
    double unlike = 0;
    bool any = false;
    for (const reference::Unit& unit : context_.units) {
      if (unit.kind != reference::UnitKind::route_selected || !unit.output.starts_with(folder))
        continue;
      any = true;
      const std::vector<double> got = read(trace.reader(), trace.execution(), unit.output);
      const std::vector<double> expected = read(*context_.reference, "reference", unit.output);
      for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i)
        unlike += got[i] != expected[i];
    }
    if (any)
      trend_.push_back(
          {trace.execution(), step, "choices of experts unlike the reference's", unlike, 0});
  }

  void gate(const RecordedTrace& trace, const std::string& what, std::int64_t count,
            const Distance& apart) {
    const double bound = allowed_ * apart.largest;
    const bool fits = apart.difference <= bound;
    Comparison comparison;
    comparison.compared = count;
    comparison.max_ratio =
        apart.difference == 0 || !std::isfinite(apart.difference) ? 0 : apart.difference / bound;
    tally_.add(comparison, Proof::statistical);
    if (fits || !gates()) return;
    char text[96];
    std::snprintf(text, sizeof text, " differs by %.3g from the reference, allowed is %.3g",
                  apart.difference, bound);
    tally_.fail(trace.execution() + ": " + what + text);
  }

  bool gates() const { return context_.policy.working == Dtype::fp64; }

  const JudgeContext& context_;
  Tally& tally_;
  std::vector<TrendPoint>& trend_;
  double allowed_;  // relative
  std::string skipped_from_;
};

// What is judged op by op needs no reference: its functions follow from the scenario.
std::string left_out(const PrecisionPolicy& policy) {
  const std::string stands = ": op by op the verdict stands without it, and only the ";
  return "the reference was left out" + stands +
         (policy.working == Dtype::fp64 ? "distance of the whole run from it is missing"
                                        : "trend, the distance from fp64, is missing");
}

}  // namespace

Tally check_end_to_end(const JudgeContext& context, std::vector<TrendPoint>& trend) {
  Tally tally("end_to_end", Proof::statistical);
  if (context.reference == nullptr || context.traces.empty()) {
    tally.not_run(context.traces.empty() ? "there is no trace of an engine"
                  : context.scenario.runs(Execution::reference)
                      ? "there is no trace of the reference"
                      : left_out(context.policy));
    return tally;
  }
  Comparer comparer(context, tally, trend);
  for (const RecordedTrace* trace : context.traces) comparer.compare(*trace);
  if (context.policy.working != Dtype::fp64)
    tally.trend(std::string("only fp64 runs are held against the fp64 reference: in ") +
                name_of(context.policy.working) + " the distance is shown, not judged" +
                comparer.skipped_from());
  return tally;
}

}  // namespace shardproof::reports
