#include "reports/render/results.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <sstream>

#include "reports/render/format.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/print/text_table.hpp"
#include "scenarios/readable_bytes.hpp"

namespace shardproof::reports {

namespace {

// Words as lines of at most `columns`, but for words that are longer; those after the first are
// indented.
std::string wrapped(const std::string& text, std::size_t columns) {
  std::istringstream words(text);
  std::string lines, line = " ";
  for (std::string word; words >> word;) {
    if (columns > 0 && line.size() + 1 + word.size() > columns && line.size() > 4) {
      lines += line + "\n";
      line = "   ";
    }
    line += " " + word;
  }
  return lines + line + "\n";
}

// Short, as ls does it: of half a year ago or more, the year instead of the hour.
std::string when(std::time_t written) {
  constexpr std::time_t half_a_year = std::time_t{182} * 24 * 3600;
  if (written == 0) return "-";
  const std::tm local = fmt::localtime(written);
  return std::time(nullptr) - written < half_a_year ? fmt::format("{:%b %e %H:%M}", local)
                                                    : fmt::format("{:%b %e  %Y}", local);
}

struct Sizes {
  std::uint64_t traces = 0, all = 0;
};

Sizes sizes_of(const std::vector<ListedResults>& all) {
  Sizes sizes;
  for (const ListedResults& results : all) {
    sizes.traces += results.trace_bytes;
    sizes.all += results.trace_bytes + results.other_bytes;
  }
  return sizes;
}

}  // namespace

std::string results_text(const std::vector<ListedResults>& all, const std::string& folder,
                         std::size_t columns) {
  TextTable table("<<>>>");
  table.row({"verdict", "name", "when", "traces", "rest"});
  std::string notes;
  for (const ListedResults& results : all) {
    const std::string name = one_line(results.name);
    table.row({results.verdict, name, when(results.written), readable_bytes(results.trace_bytes),
               readable_bytes(results.other_bytes)});
    if (!results.advice.empty()) notes += wrapped(name + ": " + results.advice, columns);
  }
  if (all.empty()) return folder + ": no results\n";
  const Sizes sizes = sizes_of(all);
  return fmt::format("{}: {}, of which {} traces\n", folder, readable_bytes(sizes.all),
                     readable_bytes(sizes.traces)) +
         table.text(columns) + (notes.empty() ? "" : "\n" + notes);
}

std::string results_json(const std::vector<ListedResults>& all, const std::string& folder) {
  JsonValue array = JsonValue::array();
  for (const ListedResults& results : all) {
    JsonValue entry = JsonValue::object();
    entry.set("name", results.name)
        .set("folder", results.path)
        .set("verdict", results.verdict)
        .set("written", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(results.written)))
        .set("trace_bytes", results.trace_bytes)
        .set("other_bytes", results.other_bytes);
    if (!results.advice.empty()) entry.set("advice", results.advice);
    array.append(std::move(entry));
  }
  return write_json(JsonValue::object()
                        .set("schema", "shardproof-results-1")
                        .set("folder", folder)
                        .set("results", std::move(array)),
                    2) +
         "\n";
}

}  // namespace shardproof::reports
