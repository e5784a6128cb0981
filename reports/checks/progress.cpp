#include "reports/checks/progress.hpp"

#include <algorithm>
#include <cmath>

#include "reports/traces/assembled_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/run_end.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

constexpr double spacings_that_show = 2;

/// How far a tensor of the reference moves between two steps, in spacings of a recorded format.
struct Movement {
  double most = 0;             // of the element that moves furthest
  std::int64_t element = 0;    // which
  double value = 0;            // what it becomes
  std::int64_t that_show = 0;  // elements that move by more than what must show
};

Movement movement(const TensorView& before, const TensorView& after, Dtype recorded) {
  Movement found;
  std::int64_t element = 0;
  for_each_decoded(before, after, [&](Numbers old, Numbers now) {
    for (std::size_t i = 0; i < old.size(); ++i, ++element) {
      const double spacing = ulp(recorded, std::max(std::fabs(old[i]), std::fabs(now[i])));
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

/// What the ranks hold of a tensor, each as it lies there.
bool have_the_bits_of(const std::vector<StoredDataset>& a, const std::vector<StoredDataset>& b) {
  return std::ranges::equal(a, b, [](const StoredDataset& x, const StoredDataset& y) {
    return x.rank == y.rank && have_same_bytes(x, y);
  });
}

class Progress {
 public:
  Progress(const JudgeContext& context, const RecordedTrace& trace, Tally& tally)
      : context_(context), trace_(trace), tally_(tally) {}

  void check() {
    const Scenario& scenario = context_.scenario;
    const reference::SkippedSteps skipped = skipped_steps(scenario, trace_);
    const RunEnd end(scenario, trace_);
    std::string before = "/initial";
    for (int step = scenario.first_step; step < scenario.steps; ++step) {
      const Moment moment{Moment::Stage::step, step, -1};
      if (!end.is_past(moment) || skipped.contains(step)) break;
      const std::string now = folder_of(moment);
      for (const ParameterDescription& parameter : scenario.model.parameters) {
        const Tensor weights{"/parameter/" + parameter.name, "its weights"};
        const Tensor master{"/optimizer/" + parameter.name + "/master", "its master"};
        const Tensor gradient{gradient_of(parameter.name), "its gradient"};
        const Steps steps{before, now, parameter.name};
        compare(weights, weights, steps);
        compare(master, weights, steps);
        if (step > scenario.first_step) compare(gradient, gradient, steps);
      }
      before = now;
    }
    findings_.report(tally_);
  }

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
    const std::vector<StoredDataset>& fresh = stored(trace_.reader(), steps.now + tensor.path);
    if (old.empty() || fresh.empty()) return;
    const Shape& shape = fresh.front().info.full_shape;
    tally_.add(element_count(shape), 0, Proof::statistical);
    if (!have_the_bits_of(old, fresh) || is_without_gradient(steps)) return;
    const AssembledView a = of_reference(steps.before + in_reference.path),
                        b = of_reference(steps.now + in_reference.path);
    if (!a.problem.empty() || !b.problem.empty()) return;
    if (a.elements->elements() != element_count(shape)) return;  // coverage says so
    const Movement moved = movement(*a.elements, *b.elements, fresh.front().info.dtype);
    if (moved.that_show > 0) report(fresh, steps.before + tensor.path, moved, tensor.what);
  }

  AssembledView of_reference(const std::string& path) {
    AssembledView view = assembled_view(*context_.reference, path, 0);
    if (!view.problem.empty()) tally_.unknown("reference: " + view.problem);
    return view;
  }

  // A gradient of nothing but zeros moves no weight: in fp16 it may have underflowed, tokens may
  // have chosen other experts, and what cancels in every model is noise in the reference. Whether
  // it may be zero its own ops tell.
  bool is_without_gradient(const Steps& steps) const {
    const AssembledView gradient =
        assembled_view(trace_.reader(), steps.now + gradient_of(steps.parameter), 0);
    if (!gradient.problem.empty()) return false;
    bool any = false;
    for_each_decoded(*gradient.elements, [&](Numbers some) {
      any = any || std::ranges::any_of(some, [](double value) { return value != 0; });
    });
    return !any;
  }

  void report(const std::vector<StoredDataset>& fresh, const std::string& before,
              const Movement& moved, const char* what) {
    const StoredDataset& first = fresh.front();
    Failure failure = failure_at(trace_, first.rank, moment_of(first.info.path));
    FirstDivergence& divergence = failure.divergence;
    put_in_order(failure, trace_, first);
    divergence.op = first.info.op;
    divergence.tensor = first.info.path;
    for (const StoredDataset& copy : fresh)
      if (std::ranges::count(divergence.ranks, copy.rank) == 0)
        divergence.ranks.push_back(copy.rank);
    divergence.index = unravel(moved.element, first.info.full_shape);
    divergence.expected = moved.value;
    const AssembledView still = assembled_view(trace_.reader(), first.info.path, 0);
    if (still.problem.empty())
      divergence.got = decoded_range(*still.elements, moved.element, 1).front();
    divergence.error = std::fabs(divergence.got - divergence.expected);
    divergence.wrong_elements = moved.that_show;
    char text[160];
    std::snprintf(text, sizeof text,
                  "; in the reference it moves by up to %.3g spacings of %s (%lld elements by more "
                  "than %g)",
                  moved.most, name_of(first.info.dtype), static_cast<long long>(moved.that_show),
                  spacings_that_show);
    findings_.add(failure, std::string(what) + " has the bits of " + before + text);
  }

  const JudgeContext& context_;
  const RecordedTrace& trace_;
  Tally& tally_;
  Findings findings_;
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
  for (const RecordedTrace* trace : context.traces) Progress(context, *trace, tally).check();
  if (tally.compared() == 0)
    tally.not_required("of no step there is what the reference has, which skips none");
  return tally;
}

}  // namespace shardproof::reports
