#include "reports/compare/compare_traces.hpp"
#include "reports/render/format.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

constexpr std::int64_t max_rows = 20;

// "and 12 more" below a table that was cut.
std::string more_text(std::int64_t count) {
  return count > max_rows ? "  and " + with_thousands(count - max_rows) + " more (--json has all)\n"
                          : "";
}

std::string first_text(const TraceComparison& comparison, int index, const std::string& title) {
  if (index < 0) return "";
  const TensorComparison& tensor = comparison.tensors[static_cast<std::size_t>(index)];
  return "\n" + title + "\n  " + one_line(tensor.path) + " " + index_text(tensor.first_index) +
         "\n  written by " + one_line(tensor.op) + "\n  A " +
         number_with_bits(tensor.bits.expected) + "\n  B " + number_with_bits(tensor.bits.got) +
         "\n";
}

std::string different_text(const TraceComparison& comparison) {
  TextTable table("<>>>");
  table.row({"different, in order of execution", "elements", "largest ulp", "largest difference"});
  std::int64_t rows = 0;
  for (const TensorComparison& tensor : comparison.tensors)
    if (tensor.state == State::different && rows++ < max_rows)
      table.row({one_line(tensor.path),
                 with_thousands(tensor.bits.failed) + " of " + with_thousands(tensor.bits.compared),
                 rounded(tensor.bits.max_ulp.value()), rounded(tensor.bits.max_absolute)});
  return rows == 0 ? "" : "\n" + table.text() + more_text(rows);
}

std::string others_text(const TraceComparison& comparison) {
  TextTable table("<<");
  table.row({"not compared", "why"});
  std::int64_t rows = 0;
  for (const TensorComparison& tensor : comparison.tensors) {
    if (tensor.state == State::equal || tensor.state == State::different) continue;
    if (rows++ >= max_rows) continue;
    const std::string why = tensor.state == State::only_a   ? "only A has it"
                            : tensor.state == State::only_b ? "only B has it"
                                                            : tensor.reason;
    table.row({one_line(tensor.path), one_line(why)});
  }
  return rows == 0 ? "" : "\n" + table.text() + more_text(rows);
}

std::string answer(int exit_code) {
  if (exit_code == 0) return "EQUAL in bits, wherever both could be compared";
  return exit_code == 1 ? "DIFFERENT" : "NOTHING could be compared";
}

JsonValue index_or_null(int index, const TraceComparison& comparison) {
  return index < 0 ? JsonValue()
                   : JsonValue(comparison.tensors[static_cast<std::size_t>(index)].path);
}

JsonValue tensor_json(const TensorComparison& tensor) {
  JsonValue json = JsonValue::object()
                       .set("path", tensor.path)
                       .set("op", tensor.op)
                       .set("state", name_of(tensor.state));
  if (!tensor.reason.empty()) json.set("reason", tensor.reason);
  if (tensor.bits.compared == 0) return json;
  json.set("compared", tensor.bits.compared)
      .set("different", tensor.bits.failed)
      .set("max_ulp", tensor.bits.max_ulp.value())
      .set("max_absolute", tensor.bits.max_absolute);
  if (tensor.bits.failed == 0) return json;
  JsonValue index = JsonValue::array();
  for (const std::int64_t i : tensor.first_index) index.append(i);
  return json.set("first_index", std::move(index))
      .set("first_a", tensor.bits.expected)
      .set("first_b", tensor.bits.got);
}

}  // namespace

std::string comparison_text(const TraceComparison& comparison) {
  std::string counts;
  for (const State state :
       {State::equal, State::different, State::not_comparable, State::only_a, State::only_b})
    counts += (counts.empty() ? "" : ", ") + with_thousands(comparison.count(state)) + " " +
              (state == State::not_comparable ? "not comparable"
               : state == State::only_a       ? "only in A"
               : state == State::only_b       ? "only in B"
                                              : name_of(state));
  return answer(comparison.exit_code()) + "\n  A " + one_line(comparison.a) + " (" +
         comparison.about_a + ")\n  B " + one_line(comparison.b) + " (" + comparison.about_b +
         ")\n  tensors: " + counts + "\n" +
         first_text(
             comparison, comparison.first_different_with_equal_inputs,
             "First that differs while nothing that it was computed from was seen to differ") +
         first_text(comparison, comparison.first_different, "First that differs") +
         different_text(comparison) + others_text(comparison);
}

std::string comparison_json(const TraceComparison& comparison) {
  JsonValue counts = JsonValue::object();
  for (const State state :
       {State::equal, State::different, State::not_comparable, State::only_a, State::only_b})
    counts.set(name_of(state), comparison.count(state));
  JsonValue tensors = JsonValue::array();
  for (const TensorComparison& tensor : comparison.tensors) tensors.append(tensor_json(tensor));
  return write_json(
             JsonValue::object()
                 .set("schema", "shardproof-compare-1")
                 .set("a", comparison.a)
                 .set("b", comparison.b)
                 .set("exit_code", comparison.exit_code())
                 .set("counts", std::move(counts))
                 .set("first_different", index_or_null(comparison.first_different, comparison))
                 .set("first_different_with_equal_inputs",
                      index_or_null(comparison.first_different_with_equal_inputs, comparison))
                 .set("tensors", std::move(tensors)),
             2) +
         "\n";
}

}  // namespace shardproof::reports
