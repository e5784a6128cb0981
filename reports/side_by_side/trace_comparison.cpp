#include "reports/side_by_side/trace_comparison.hpp"

#include <algorithm>
#include <map>

#include "reports/judge.hpp"
#include "reports/side_by_side/parting.hpp"
#include "reports/side_by_side/task_differences.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

// The scenario that a trace says it is of.
Scenario scenario_of(const TraceReader& trace) {
  const TraceHeader& header = trace.header();
  if (header.scenario_json.empty())
    throw ScenarioError(trace.folder() + ": the trace has no scenario, which judging needs");
  Scenario scenario =
      scenario_inside(parse_json(header.scenario_json, trace.folder() + "/scenario"), "");
  if (scenario_hash(scenario) != header.scenario_hash)
    throw ScenarioError(trace.folder() +
                        ": its scenario is not what it was: the text, the tokens or the weights "
                        "that it names have changed, or a program of another version wrote it");
  return scenario;
}

std::string about(const TraceHeader& header) {
  return header.execution + ", tp " + std::to_string(header.tp) + " x dp " +
         std::to_string(header.dp);
}

std::string about(const TraceHeader& header, const Scenario& scenario) {
  std::string text = about(header);
  if (scenario.trains()) text += ", ZeRO " + std::to_string(scenario.parallel.zero_stage);
  return text + ", " + name_of(scenario.training.working);
}

std::vector<StepDistance> growth_of(const TensorsSideBySide& sides) {
  std::map<int, StepDistance> steps;
  for (const TensorComparison& tensor : sides.tensors) {
    const Moment moment = moment_of(tensor.path);
    if (moment.step < 0 || tensor.elements.compared == 0) continue;
    StepDistance& step = steps[moment.step];
    step.step = moment.step;
    const std::string name = name_in_folder(tensor.path);
    for (const auto& [folder, distance] : {std::pair{"forward/", &StepDistance::outputs},
                                           {"gradient/", &StepDistance::gradients},
                                           {"parameter/", &StepDistance::parameters}})
      if (name.starts_with(folder))
        step.*distance = std::max(step.*distance, tensor.relative_distance());
  }
  std::vector<StepDistance> growth;
  for (const auto& [number, step] : steps) growth.push_back(step);
  return growth;
}

class Comparer {
 public:
  Comparer(const std::string& folder_a, const std::string& folder_b) : a_(folder_a), b_(folder_b) {
    result_.a = {folder_a, about(a_.header()), std::nullopt};
    result_.b = {folder_b, about(b_.header()), std::nullopt};
  }

  TraceComparison compare() {
    result_.tensors = compare_tensors(a_, b_);
    result_.growth = growth_of(result_.tensors);
    if (!replicas_differ() && !all_equal()) answer_by_judgement();
    return std::move(result_);
  }

 private:
  void answer(Answer answer, const std::string& sentence) {
    result_.answer = answer;
    result_.sentence = sentence;
  }

  bool replicas_differ() {
    const auto& tensors = result_.tensors.tensors;
    const auto found = std::ranges::find(tensors, State::replicas_differ, &TensorComparison::state);
    if (found == tensors.end()) return false;
    answer(Answer::different, found->path + ": " + found->reason);
    return true;
  }

  bool all_equal() {
    bool compared = false;
    for (const TensorComparison& tensor : result_.tensors.tensors) {
      if (tensor.state != State::equal || tensor.by_value) return false;
      compared = compared || tensor.elements.compared > 0;
    }
    if (compared) answer(Answer::equal, "every tensor has the same bits in both");
    return compared;
  }

  void answer_by_judgement() {
    try {
      const Scenario a = scenario_of(a_), b = scenario_of(b_);
      result_.a.about = about(a_.header(), a);
      result_.b.about = about(b_.header(), b);
      result_.task_keys = task_differences(a, b);
      if (!result_.task_keys.empty())
        return answer(Answer::different, "the two runs were asked for other numbers");
      result_.reason = why_bits_part(result_.tensors, {a_, a}, {b_, b});
      if (passes(a_, a, result_.a, "A") && passes(b_, b, result_.b, "B"))
        answer(Answer::explained,
               "both are of one task, and each follows from its inputs within the rounding of its "
               "own operations");
    } catch (const ScenarioError& error) {
      answer(Answer::unknown, error.what());
    }
  }

  // A trace is judged by itself: a difference from another excuses nothing, and proves nothing.
  bool passes(const TraceReader& trace, Scenario scenario, TraceComparison::Side& side,
              const std::string& name) {
    const auto execution = from_name<Execution>(trace.header().execution);
    if (!execution || *execution == Execution::reference) {
      answer(Answer::unknown, name + " is no trace of an engine: it cannot be judged");
      return false;
    }
    scenario.executions = {*execution};
    side.verdict =
        judge({scenario, std::nullopt, {{trace.header().execution, trace.folder()}}, {}});
    if (side.verdict->conclusion == Conclusion::pass) return true;
    const bool wrong = side.verdict->conclusion == Conclusion::fail;
    answer(wrong ? Answer::different : Answer::unknown,
           name + (wrong ? " is wrong by itself" : " cannot be judged to the end"));
    return false;
  }

  TraceReader a_, b_;
  TraceComparison result_;
};

}  // namespace

const char* name_of(Answer answer) {
  switch (answer) {
    case Answer::equal: return "equal";
    case Answer::explained: return "explained";
    case Answer::different: return "different";
    case Answer::unknown: return "unknown";
  }
  return "";
}

int TraceComparison::exit_code() const {
  if (answer == Answer::unknown) return 2;
  return answer == Answer::different ? 1 : 0;
}

TraceComparison compare_traces(const std::string& folder_a, const std::string& folder_b) {
  return Comparer(folder_a, folder_b).compare();
}

}  // namespace shardproof::reports
