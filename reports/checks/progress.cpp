#include "reports/checks/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/run_end.hpp"
#include "reports/verdict/skipped_steps.hpp"
#include "scenarios/data/batches.hpp"

namespace shardproof::reports {

namespace {

constexpr double spacings_that_show = 2;

/// How far a tensor of the reference moves between two steps, in spacings of a recorded format at
/// the tensor's largest element: next to zero the spacing is as small as one likes, and what is
/// noise in an engine moves by many.
struct Movement {
  double most = 0;             // of the element that moves furthest
  std::int64_t element = 0;    // which
  double value = 0;            // what it becomes
  std::int64_t that_show = 0;  // elements that move by more than what must show
};

Movement movement(const TensorView& before, const TensorView& after, Dtype recorded) {
  double largest = 0;
  for_each_decoded(before, after, [&](Numbers old, Numbers now) {
    for (std::size_t i = 0; i < old.size(); ++i)
      largest = std::max({largest, std::fabs(old[i]), std::fabs(now[i])});
  });
  const double spacing = ulp(recorded, largest);
  Movement found;
  std::int64_t element = 0;
  for_each_decoded(before, after, [&](Numbers old, Numbers now) {
    for (std::size_t i = 0; i < old.size(); ++i, ++element) {
      const double moved = std::fabs(now[i] - old[i]) / spacing;
      found.that_show += moved > spacings_that_show;
      if (moved > found.most) {
        found.most = moved;
        found.element = element;
        found.value = now[i];
      }
    }
  });
  return found;
}

bool is_zero(const TensorView& tensor) {
  bool any = false;
  for_each_decoded(tensor, [&](Numbers some) {
    any = any || std::ranges::any_of(some, [](double value) { return value != 0; });
  });
  return !any;
}

/// Whether any token of two steps differs.
bool are_of_unlike_batches(const Scenario& scenario, const Batches& batches, int step, int other) {
  for (int micro = 0; micro < scenario.training.accumulation; ++micro)
    for (int replica = 0; replica < scenario.replicas; ++replica)
      if (batches.tokens(StepIndex{step}, MicroStep{micro}, replica) !=
          batches.tokens(StepIndex{other}, MicroStep{micro}, replica))
        return true;
  return false;
}

class Progress {
 public:
  Progress(const JudgeContext& context, const RecordedTrace& trace, Tally& tally)
      : context_(context), trace_(trace), tally_(tally) {}

  void check() {
    const Scenario& scenario = context_.scenario;
    const reference::SkippedSteps skipped = skipped_steps(scenario, trace_);
    const RunEnd end(scenario, trace_);
    const Batches batches(scenario);
    std::string before = "/initial";
    for (int step = scenario.first_step; step < scenario.steps; ++step) {
      const Moment moment{Moment::Stage::step, step, -1};
      if (!end.is_past(moment) || skipped.contains(step)) break;
      const std::string now = folder_of(moment);
      const bool is_first = step == scenario.first_step;
      const bool unlike = !is_first && are_of_unlike_batches(scenario, batches, step, step - 1);
      for (const ParameterDescription& parameter : scenario.model.parameters) {
        const Tensor weights{"/parameter/" + parameter.name, "its weights"};
        const Tensor master{"/optimizer/" + parameter.name + "/master", "its master"};
        const Tensor gradient{gradient_of(parameter.name), "its gradient"};
        const Steps steps{before, now, parameter.name};
        compare(weights, weights, steps);
        // A reference that goes on begins with the weights that were saved, not with the masters.
        if (!is_first || scenario.resume.empty()) compare(master, weights, steps);
        if (unlike) compare(gradient, gradient, steps);
      }
      before = now;
    }
    findings_.report(tally_);
  }

  /// Whether something of the reference was not there that should have been.
  bool lacks_reference() const { return lacks_reference_; }

 private:
  struct Tensor {
    std::string path;  // below the folder of a step
    const char* what;
  };
  struct Steps {
    const std::string& before;  // folders
    const std::string& now;
    const std::string& parameter;
  };

  static std::string gradient_of(const std::string& parameter) { return "/gradient/" + parameter; }

  static const std::vector<StoredDataset>& stored(const TraceReader& reader,
                                                  const std::string& path) {
    static const std::vector<StoredDataset> none;
    const auto found = reader.datasets().find(path);
    return found == reader.datasets().end() ? none : found->second;
  }

  // What is not there coverage misses, or no execution of its kind has it.
  void compare(const Tensor& tensor, const Tensor& in_reference, const Steps& steps) {
    const std::vector<StoredDataset>& old = stored(trace_.reader(), steps.before + tensor.path);
    for (const StoredDataset& copy : stored(trace_.reader(), steps.now + tensor.path)) {
      const auto earlier = std::ranges::find_if(old, [&](const StoredDataset& other) {
        return other.rank == copy.rank && other.info.regions == copy.info.regions &&
               other.info.dtype == copy.info.dtype;
      });
      const std::int64_t elements = element_count(std::span(copy.info.regions));
      if (earlier == old.end() || elements == 0) continue;
      if (!have_same_bytes(*earlier, copy))
        tally_.add(elements, 0, Proof::statistical);
      else
        look_at_still(copy, steps.before + tensor.path, steps, in_reference, tensor.what);
    }
  }

  // What a rank holds of a tensor, and has held in the step before.
  void look_at_still(const StoredDataset& copy, const std::string& before, const Steps& steps,
                     const Tensor& in_reference, const char* what) {
    if (is_without_gradient(copy, steps)) return;
    const AssembledView a = of_reference(steps.before + in_reference.path),
                        b = of_reference(steps.now + in_reference.path);
    if (!a.problem.empty() || !b.problem.empty()) return;
    if (b.elements->shape() != copy.info.full_shape) return;  // coverage says so
    const Movement moved = movement(*as_stored(a.elements, copy.info.regions),
                                    *as_stored(b.elements, copy.info.regions), copy.info.dtype);
    tally_.add(element_count(std::span(copy.info.regions)), moved.that_show, Proof::statistical);
    if (moved.that_show > 0) report(copy, before, moved, what);
  }

  AssembledView of_reference(const std::string& path) {
    AssembledView view = assembled_view(*context_.reference, path, 0);
    if (view.problem.empty()) return view;
    lacks_reference_ = true;
    tally_.unknown("reference: " + view.problem);
    return view;
  }

  // A gradient of nothing but zeros moves no weight: in fp16 it may have underflowed, tokens may
  // have chosen other experts, and what cancels in every model is noise in the reference. Whether
  // it may be zero its own ops tell.
  bool is_without_gradient(const StoredDataset& copy, const Steps& steps) const {
    const AssembledView gradient =
        assembled_view(trace_.reader(), steps.now + gradient_of(steps.parameter), 0);
    return gradient.problem.empty() && gradient.elements->shape() == copy.info.full_shape &&
           is_zero(*as_stored(gradient.elements, copy.info.regions));
  }

  void report(const StoredDataset& copy, const std::string& before, const Movement& moved,
              const char* what) {
    Failure failure = failure_at(trace_, copy.rank, moment_of(copy.info.path));
    put_in_order(failure, trace_, copy);
    failure.regions = copy.info.regions;
    FirstDivergence& divergence = failure.divergence;
    divergence.op = copy.info.op;
    divergence.tensor = copy.info.path;
    divergence.index = index_in_full(copy.info.regions, moved.element);
    divergence.expected = moved.value;
    divergence.got = decoded_range(*stored_tensor(trace_.reader(), copy), moved.element, 1).front();
    divergence.error = std::fabs(divergence.got - divergence.expected);
    divergence.wrong_elements = moved.that_show;
    char text[160];
    std::snprintf(text, sizeof text,
                  "; in the reference it moves by up to %.3g spacings of %s (%lld elements by more "
                  "than %g)",
                  moved.most, name_of(copy.info.dtype), static_cast<long long>(moved.that_show),
                  spacings_that_show);
    findings_.add(failure, std::string(what) + " has the bits of " + before + text);
  }

  const JudgeContext& context_;
  const RecordedTrace& trace_;
  Tally& tally_;
  Findings findings_;
  bool lacks_reference_ = false;
};

}  // namespace

Tally check_progress(const JudgeContext& context) {
  Tally tally("progress", Proof::statistical);
  if (context.reference == nullptr) {
    tally.not_run(context.scenario.runs(Execution::reference)
                      ? "there is no trace of the reference"
                      : "the reference was left out, which tells what must move");
    return tally;
  }
  bool lacks_reference = false;
  for (const RecordedTrace* trace : context.traces) {
    Progress progress(context, *trace, tally);
    progress.check();
    lacks_reference = lacks_reference || progress.lacks_reference();
  }
  if (tally.compared() == 0 && !lacks_reference)
    tally.not_required("of no step there is what the reference has, which skips none");
  return tally;
}

}  // namespace shardproof::reports
