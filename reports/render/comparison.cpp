#include "reports/render/comparison.hpp"

#include "reports/render/format.hpp"
#include "reports/render/headline.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/listed.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

constexpr std::int64_t max_rows = 20;
constexpr State states[] = {State::equal,          State::different, State::replicas_differ,
                            State::not_comparable, State::only_a,    State::only_b};

// "and 12 more" below a table that was cut.
std::string more_text(std::int64_t count) {
  return count > max_rows ? "  and " + with_thousands(count - max_rows) + " more (--json has all)\n"
                          : "";
}

std::string first_text(const TensorsSideBySide& sides, int index, const std::string& title) {
  if (index < 0) return "";
  const TensorComparison& tensor = sides.tensors[static_cast<std::size_t>(index)];
  const auto side = [](const std::string& name, double value, const std::string& op) {
    return "\n  " + name + " " + number_with_bits(value) + ", by " + one_line(op);
  };
  return "\n" + title + "\n  " + one_line(tensor.path) + " " + index_text(tensor.first_index) +
         side("A", tensor.elements.expected, tensor.op_a) +
         side("B", tensor.elements.got, tensor.op_b) + "\n";
}

std::string different_text(const TraceComparison& comparison) {
  TextTable table("<>>>>");
  table.row({"different, in order of execution", "elements", "relative distance",
             "A's part of its bound", "B's"});
  std::int64_t rows = 0;
  for (const TensorComparison& tensor : comparison.tensors.tensors)
    if (tensor.state == State::different && rows++ < max_rows)
      table.row({one_line(tensor.path),
                 with_thousands(tensor.elements.failed) + " of " +
                     with_thousands(tensor.elements.compared),
                 rounded(tensor.relative_distance()), part_of_bound(comparison.a, tensor.path),
                 part_of_bound(comparison.b, tensor.path)});
  return rows == 0 ? "" : "\n" + table.text() + more_text(rows);
}

std::string growth_text(const TraceComparison& comparison) {
  if (comparison.growth.empty() || comparison.answer == Answer::equal) return "";
  TextTable table(">>>>");
  table.row({"after step", "outputs", "gradients", "parameters (largest relative distance)"});
  std::int64_t rows = 0;
  for (const StepDistance& step : comparison.growth)
    if (rows++ < max_rows)
      table.row({std::to_string(step.step), rounded(step.outputs), rounded(step.gradients),
                 rounded(step.parameters)});
  return "\n" + table.text() + more_text(rows);
}

std::string others_text(const TensorsSideBySide& sides) {
  TextTable table("<<");
  table.row({"not compared", "why"});
  std::int64_t rows = 0;
  for (const State state :
       {State::replicas_differ, State::not_comparable, State::only_a, State::only_b})
    for (const TensorComparison& tensor : sides.tensors)
      if (tensor.state == state && rows++ < max_rows)
        table.row({one_line(tensor.path), one_line(why_not_compared(tensor))});
  return rows == 0 ? "" : "\n" + table.text() + more_text(rows);
}

std::string answer_text(Answer answer) {
  switch (answer) {
    case Answer::equal: return "EQUAL";
    case Answer::explained: return "EXPLAINED by rounding";
    case Answer::different: return "DIFFERENT";
    case Answer::unknown: return "UNKNOWN";
  }
  return "";
}

std::string side_text(const std::string& name, const TraceComparison::Side& side) {
  const std::string verdict = verdict_text_of(side);
  return "  " + name + " " + one_line(side.folder) + " (" + side.about + ")" +
         (verdict.empty() ? "" : ", judged by itself: " + one_line(verdict)) + "\n";
}

JsonValue index_or_null(int index, const TensorsSideBySide& sides) {
  return index < 0 ? JsonValue() : JsonValue(sides.tensors[static_cast<std::size_t>(index)].path);
}

JsonValue tensor_json(const TensorComparison& tensor) {
  JsonValue json = JsonValue::object()
                       .set("path", tensor.path)
                       .set("op_a", tensor.op_a)
                       .set("op_b", tensor.op_b)
                       .set("state", name_of(tensor.state));
  if (!tensor.reason.empty()) json.set("reason", tensor.reason);
  if (tensor.elements.compared == 0) return json;
  json.set("by_value", tensor.by_value)
      .set("compared", tensor.elements.compared)
      .set("different", tensor.elements.failed)
      .set("max_absolute", tensor.elements.max_absolute);
  if (tensor.elements.failed == 0) return json;
  JsonValue index = JsonValue::array();
  for (const std::int64_t i : tensor.first_index) index.append(i);
  return json.set("max_relative", tensor.relative_distance())
      .set("first_index", std::move(index))
      .set("first_a", tensor.elements.expected)
      .set("first_b", tensor.elements.got);
}

JsonValue side_json(const TraceComparison::Side& side) {
  return JsonValue::object()
      .set("folder", side.folder)
      .set("about", side.about)
      .set("verdict", side.verdict ? JsonValue(name_of(side.verdict->conclusion)) : JsonValue());
}

JsonValue growth_json(const std::vector<StepDistance>& growth) {
  JsonValue array = JsonValue::array();
  for (const StepDistance& step : growth)
    array.append(JsonValue::object()
                     .set("step", step.step)
                     .set("outputs", step.outputs)
                     .set("gradients", step.gradients)
                     .set("parameters", step.parameters));
  return array;
}

JsonValue texts_json(const std::vector<std::string>& texts) {
  JsonValue array = JsonValue::array();
  for (const std::string& text : texts) array.append(text);
  return array;
}

}  // namespace

std::string part_of_bound(const TraceComparison::Side& side, const std::string& path) {
  if (!side.verdict) return "";
  const std::string name = name_in_folder(path);
  for (const TensorRow& row : side.verdict->tensors) {
    if (row.name != name) continue;
    double part = 0;
    for (const TensorRow::Cell& cell : row.cells) part = std::max(part, cell.max_ratio);
    return rounded(part);
  }
  return "";
}

std::string why_not_compared(const TensorComparison& tensor) {
  if (tensor.state == State::only_a) return "only A has it";
  return tensor.state == State::only_b ? "only B has it" : tensor.reason;
}

std::string counts_text(const TensorsSideBySide& sides) {
  std::vector<std::string> counts;
  for (const State state : states) {
    const std::int64_t count = sides.count(state);
    const std::string name = state == State::replicas_differ  ? "with replicas that differ"
                             : state == State::not_comparable ? "not comparable"
                             : state == State::only_a         ? "only in A"
                             : state == State::only_b         ? "only in B"
                                                              : name_of(state);
    if (count > 0 || state == State::equal) counts.push_back(with_thousands(count) + " " + name);
  }
  return joined(counts, ", ");
}

std::string verdict_text_of(const TraceComparison::Side& side) {
  if (!side.verdict) return "";
  return std::string(name_of(side.verdict->conclusion)) +
         (side.verdict->conclusion == Conclusion::pass
              ? ""
              : ": " + headline_text(*side.verdict, side.verdict->checks));
}

std::string comparison_headline(const TraceComparison& comparison) {
  std::string text = answer_text(comparison.answer);
  if (!comparison.sentence.empty()) text += ": " + one_line(comparison.sentence);
  return text;
}

std::string comparison_text(const TraceComparison& comparison) {
  const TensorsSideBySide& sides = comparison.tensors;
  std::string text = comparison_headline(comparison) + "\n" + side_text("A", comparison.a) +
                     side_text("B", comparison.b) + "  tensors: " + counts_text(sides) + "\n";
  for (const std::string& key : comparison.task_keys) text += "  " + one_line(key) + "\n";
  if (!comparison.reason.empty()) text += "  why bits part: " + comparison.reason + "\n";
  return text +
         first_text(sides, sides.first_different_with_equal_inputs,
                    "First that differs while nothing that it was computed from was seen to "
                    "differ") +
         (sides.first_different == sides.first_different_with_equal_inputs
              ? ""
              : first_text(sides, sides.first_different, "First that differs")) +
         growth_text(comparison) + different_text(comparison) + others_text(sides);
}

std::string comparison_json(const TraceComparison& comparison) {
  const TensorsSideBySide& sides = comparison.tensors;
  JsonValue counts = JsonValue::object();
  for (const State state : states) counts.set(name_of(state), sides.count(state));
  JsonValue tensors = JsonValue::array();
  for (const TensorComparison& tensor : sides.tensors) tensors.append(tensor_json(tensor));
  const JsonValue json = JsonValue::object()
                             .set("schema", "shardproof-compare-2")
                             .set("answer", name_of(comparison.answer))
                             .set("sentence", comparison.sentence)
                             .set("exit_code", comparison.exit_code())
                             .set("a", side_json(comparison.a))
                             .set("b", side_json(comparison.b))
                             .set("task_differences", texts_json(comparison.task_keys))
                             .set("why_bits_part", comparison.reason)
                             .set("counts", std::move(counts))
                             .set("first_different", index_or_null(sides.first_different, sides))
                             .set("first_different_with_equal_inputs",
                                  index_or_null(sides.first_different_with_equal_inputs, sides))
                             .set("growth", growth_json(comparison.growth))
                             .set("tensors", std::move(tensors));
  return write_json(json, 2) + "\n";
}

}  // namespace shardproof::reports
