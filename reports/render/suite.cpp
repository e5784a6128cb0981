#include "reports/render/suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/listed.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

std::string word_of(int exit_code) {
  constexpr const char* words[] = {"pass", "fail", "unknown", "error"};
  return exit_code >= 0 && exit_code < 4 ? words[exit_code] : "stopped";
}

// How much it wants to be seen: what passed least, what failed most.
int weight(const SuiteEntry& entry) {
  constexpr int weights[] = {0, 3, 1, 2};
  return entry.exit_code >= 0 && entry.exit_code < 4 ? weights[entry.exit_code] : 2;
}

std::vector<SuiteEntry> failures_last(std::vector<SuiteEntry> entries) {
  std::ranges::stable_sort(entries, {}, weight);
  return entries;
}

// The verdict's word and the name are columns of their own.
std::string without_name(const SuiteEntry& entry) {
  const std::string line = one_line(entry.headline);
  const std::size_t at = line.find(entry.name + ": ");
  return at == std::string::npos ? line : line.substr(at + entry.name.size() + 2);
}

std::string counts(const std::vector<SuiteEntry>& entries) {
  std::vector<std::string> parts;
  for (const char* word : {"pass", "fail", "unknown", "error", "stopped"}) {
    const auto count = std::ranges::count(entries, std::string(word), [](const SuiteEntry& entry) {
      return word_of(entry.exit_code);
    });
    if (count > 0) parts.push_back(std::to_string(count) + " " + word);
  }
  return joined(parts, ", ");
}

}  // namespace

std::string suite_text(const std::vector<SuiteEntry>& entries, std::size_t columns) {
  constexpr std::size_t longest = 103;
  TextTable table("<<><");
  for (const SuiteEntry& entry : failures_last(entries)) {
    table.row({word_of(entry.exit_code), one_line(entry.name),
               fmt::format("{:.1f} s", entry.seconds), cut_to(without_name(entry), longest)});
  }
  return counted(std::ssize(entries), "scenario") + ": " + counts(entries) + "\n" +
         table.text(columns);
}

std::string suite_json(const std::vector<SuiteEntry>& entries, int exit_code) {
  JsonValue array = JsonValue::array();
  for (const SuiteEntry& entry : entries)
    array.append(JsonValue::object()
                     .set("name", entry.name)
                     .set("verdict", word_of(entry.exit_code))
                     .set("exit_code", entry.exit_code)
                     .set("headline", entry.headline)
                     .set("folder", entry.folder)
                     .set("seconds", entry.seconds));
  return write_json(JsonValue::object()
                        .set("schema", "shardproof-suite-1")
                        .set("exit_code", exit_code)
                        .set("scenarios", std::move(array)),
                    2) +
         "\n";
}

std::string suite_junit(const std::vector<SuiteEntry>& entries) {
  const auto count = [&](auto holds) { return std::ranges::count_if(entries, holds); };
  double seconds = 0;
  std::string cases;
  for (const SuiteEntry& entry : entries) {
    seconds += entry.seconds;
    cases += fmt::format("  <testcase classname=\"shardproof\" name=\"{}\" time=\"{:.3f}\"",
                         html_escaped(one_line(entry.name)), entry.seconds);
    if (entry.exit_code == 0) {
      cases += "/>\n";
      continue;
    }
    const char* tag = entry.exit_code == 1 ? "failure" : "error";
    cases += fmt::format("><{0} message=\"{1}\" type=\"{2}\"/></testcase>\n", tag,
                         html_escaped(one_line(entry.headline)), word_of(entry.exit_code));
  }
  return fmt::format(
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"shardproof\" "
             "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3f}\">\n",
             entries.size(), count([](const SuiteEntry& e) { return e.exit_code == 1; }),
             count([](const SuiteEntry& e) { return e.exit_code > 1; }), seconds) +
         cases + "</testsuite>\n";
}

std::string suite_html(const std::vector<SuiteEntry>& entries, const std::string& out) {
  std::string rows;
  for (const SuiteEntry& entry : failures_last(entries)) {
    const std::string report =
        entry.folder.empty()
            ? ""
            : std::filesystem::path(entry.folder).lexically_proximate(out).string() +
                  "/report.html";
    const std::string name = html_escaped(one_line(entry.name));
    const std::string word = word_of(entry.exit_code);
    rows += "<tr><td class=\"outcome " + word + "\">" + word +
            "</td><th scope=\"row\" class=\"name\">" +
            (report.empty() ? name : "<a href=\"" + html_escaped(report) + "\">" + name + "</a>") +
            "</th><td class=\"number\">" + fmt::format("{:.1f} s", entry.seconds) +
            "</td><td class=\"reason\">" + html_escaped(without_name(entry)) + "</td></tr>\n";
  }
  const bool all_pass =
      std::ranges::all_of(entries, [](const SuiteEntry& e) { return e.exit_code == 0; });
  Page page;
  page.kind = "suite";
  page.look = all_pass ? "pass" : "fail";
  page.badge = all_pass ? "PASS" : "NOT ALL PASS";
  page.subject = counts(entries);
  page.title = "Shardproof: " + page.subject;
  page.main =
      "<section><div class=\"scroll\"><table>\n<thead><tr><th>verdict</th><th>scenario</th>"
      "<th class=\"number\">time</th><th>why</th></tr></thead>\n<tbody>\n" +
      rows + "</tbody></table></div></section>\n";
  return page_of(page);
}

}  // namespace shardproof::reports
