#include "reports/render/html.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "reports/render/bound_chart.hpp"
#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/headline.hpp"
#include "reports/render/heat_map.hpp"
#include "reports/render/html_parts.hpp"
#include "reports/render/page_assets.hpp"
#include "reports/render/power_table.hpp"
#include "reports/render/tensor_data.hpp"
#include "reports/render/trend_chart.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/listed.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t max_tensor_bytes = 600'000;
constexpr std::size_t max_plan_bytes = 200'000;
constexpr std::size_t max_error_bytes = 20'000;

std::string divergence_html(const FirstDivergence& first, std::int64_t others) {
  Terms terms;
  terms.add("operation", code(place_text(first)));
  terms.add("when",
            html_escaped(moment_text(first) +
                         (first.phase ? std::string(", phase ") + name_of(*first.phase) : "")) +
                ", in execution " + html_escaped(first.execution));
  terms.add("ranks", html_escaped(rank_list(first.ranks)));
  terms.add("tensor", code(first.tensor));
  if (!first.index.empty()) {  // else which element is wrong is not known
    terms.add("first wrong element", code(index_text(first.index)) + " of the full tensor; " +
                                         html_escaped(counted(first.wrong_elements, "element")) +
                                         " wrong in all");
    terms.add("got", code(number_with_bits(first.got)));
    terms.add("expected", code(number_with_bits(first.expected)));
    terms.add("error", code(rounded(first.error)) +
                           ", allowed before the last rounding: " + code(rounded(first.bound)));
  }
  if (!first.reason.empty())
    terms.add("why", "<pre class=\"wrap\">" + html_escaped(first.reason) + "</pre>");
  terms.add("likely cause",
            first.cause ? html_escaped(cause_text(*first.cause)) : "none was found");
  terms.add("other failures", html_escaped(counted(others, "more failing unit")) +
                                  ", which may follow from this one");
  return "<section id=\"first\"><h2>First divergence</h2>\n" + terms.html() + "</section>\n";
}

std::string errors_html(const std::vector<std::string>& errors) {
  std::string items;
  for (const std::string& error : errors)
    items += "<pre class=\"wrap\">" + html_escaped(shortened(error, max_error_bytes)) + "</pre>\n";
  return items.empty() ? "" : "<section id=\"errors\"><h2>Errors</h2>\n" + items + "</section>\n";
}

// What the first screen shows below the headline.
std::string verdict_html(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  std::string html;
  if (verdict.first_divergence)
    html += divergence_html(*verdict.first_divergence, verdict.other_failures);
  html += errors_html(verdict.errors);
  Terms terms;
  terms.add("checks", html_escaped(tally_text(checks)));
  terms.add("compared", html_escaped(compared_text(verdict, checks)));
  terms.add("baseline", html_escaped(baseline_text(verdict)));
  terms.add("changed since then", html_escaped(changes_text(verdict)));
  terms.add("skipped", html_escaped(skipped_text(verdict)));
  terms.add("shadow", html_escaped(shadow_text(verdict)));
  terms.add("trend", html_escaped(trend_text(verdict)));
  terms.add("executions", html_escaped(joined(verdict.executions, ", ")));
  terms.add("hardware", html_escaped(hardware_text(verdict)));
  std::string notices;
  for (const std::string& notice : verdict.notices)
    notices += (notices.empty() ? "" : "<br>") + html_escaped(notice);
  terms.add("to be known", notices);
  std::string injected;
  for (const std::string& injection : verdict.injected)
    injected += (injected.empty() ? "" : "<br>") + code(injection);
  terms.add("planted defects", injected);
  terms.add("scenario hash", code(verdict.scenario_hash));
  terms.add("exit code", std::to_string(verdict.exit_code()));
  if (!verdict.reproduce.empty())
    terms.add("reproduce", "<pre class=\"wrap\">" + html_escaped(verdict.reproduce) + "</pre>");
  return html + "<section id=\"verdict\"><h2>Verdict</h2>\n" + terms.html() + "</section>\n";
}

std::string suspects_html(const std::vector<SuspectOp>& suspects) {
  std::string items;
  for (const SuspectOp& suspect : suspects)
    items += "<li>" + html_escaped(sentence_of(suspect)) + "; " +
             code(suspect.first.tensor + " " + index_text(suspect.first.index)) + ": got " +
             code(number_with_bits(suspect.first.got)) + ", expected " +
             code(number_with_bits(suspect.first.expected)) + "; " +
             html_escaped(counted(suspect.units, "unit")) + " of this op</li>\n";
  if (items.empty()) return "";
  return "<p>Rounding hardly explains what these ops wrote: by chance such a run comes once in a "
         "million. A suspect fails no run unless it is strict.</p>\n<ul>\n" +
         shortened(items, max_error_bytes) + "</ul>\n";
}

// Readable without colour: a sign and a word.
std::string outcome_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass: return "✓ pass";
    case Outcome::fail: return "✗ FAIL";
    case Outcome::unknown: return "? unknown";
    case Outcome::not_run: return "– not run";
    case Outcome::trend: return "~ trend";
  }
  return "";
}

std::string checks_html(const std::vector<CheckResult>& checks) {
  std::string rows;
  for (const CheckResult& check : checks) {
    const auto number = [](const std::string& text) {
      return "<td class=\"number\">" + text + "</td>";
    };
    rows += "<tr><th scope=\"row\" class=\"name\">" + html_escaped(check.name) +
            "</th><td class=\"outcome " + name_of(check.outcome) + "\">" +
            outcome_text(check.outcome) + "</td><td>" +
            (check.outcome == Outcome::not_run ? "" : name_of(check.proof)) + "</td>" +
            number(with_thousands(check.compared)) + number(with_thousands(check.failed)) +
            number(check.max_ratio ? rounded(*check.max_ratio) : "") + "<td class=\"reason\">" +
            html_escaped(check.reason) + "</td></tr>\n";
  }
  return "<div class=\"scroll\"><table><thead><tr><th>check</th><th>outcome</th><th>proof</th>"
         "<th class=\"number\">compared</th><th class=\"number\">failed</th>"
         "<th class=\"number\">largest part of a bound</th><th>reason</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>";
}

template <class Map, class Text>
std::string terms_html(const Map& map, Text text) {
  Terms terms;
  for (const auto& [name, value] : map) terms.add(name, html_escaped(text(value)));
  return terms.html();
}

std::string plan_html(const std::string& plan) {
  if (plan.empty()) return "";
  return "<pre tabindex=\"0\">" + html_escaped(shortened(plan, max_plan_bytes)) + "</pre>\n";
}

std::string left_out_text(std::size_t rows) {
  if (rows == 0) return "";
  return " <strong>" + html_escaped(counted(static_cast<std::int64_t>(rows), "row")) +
         " did not fit on this page and are left out.</strong>";
}

std::string numbers_html(const std::vector<TensorRow>& rows) {
  if (rows.empty()) return "";
  const TensorData tensors = tensor_data(rows, max_tensor_bytes);
  return fill(tensors_html(), {{"tensors", script_escaped(tensors.json)},
                               {"tensors_left_out", left_out_text(tensors.left_out)}});
}

struct Section {
  const char* id;
  const char* title;
  std::string html;  // "": there is none
};

// A link to each section that the page has.
std::string nav_html(const std::vector<Section>& sections) {
  std::string links;
  for (const Section& section : sections)
    if (!section.html.empty())
      links += std::string("<a href=\"#") + section.id + "\">" + section.title + "</a>\n";
  return links;
}

std::vector<Section> sections_of(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  const auto as_it_is = [](const std::string& text) { return text; };
  const auto seconds = [](double time) { return rounded(time) + " s"; };
  return {{"checks", "Checks", checks_html(checks)},
          {"suspects", "Suspects", suspects_html(verdict.suspects)},
          {"heat", "Heat map", heat_map_html(verdict.tensors, verdict.first_divergence)},
          {"bound", "Error against bound", bound_html(verdict.step_errors)},
          {"trend", "Trend", trend_html(verdict.trend, verdict.skipped)},
          {"tensors", "Tensors by rank", numbers_html(verdict.tensors)},
          {"power", "Power", power_html(verdict)},
          {"plan", "Plan", plan_html(verdict.plan_text)},
          {"environment", "Environment", terms_html(verdict.environment, as_it_is)},
          {"timing", "Timing", terms_html(verdict.timing, seconds)}};
}

// What one looks up, not at, is folded.
bool is_folded(const Section& section) {
  constexpr const char* folded[] = {"tensors", "power", "plan", "environment", "timing"};
  return std::ranges::find(folded, std::string_view(section.id)) != std::end(folded);
}

}  // namespace

std::string report_html(const Verdict& verdict) {
  const std::vector<CheckResult> checks = all_checks(verdict);
  const std::vector<Section> sections = sections_of(verdict, checks);
  Page page;
  page.kind = "report";
  page.look = page.badge = name_of(verdict.conclusion);
  for (char& c : page.badge) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  page.title = page.badge + " " + one_line(verdict.scenario);
  page.subject = verdict.scenario;
  page.headline = shortened(headline_text(verdict, checks), max_error_bytes);
  page.nav = nav_html(sections);
  page.script = page_js();
  page.main = verdict_html(verdict, checks);
  for (const Section& section : sections)
    page.main += is_folded(section) ? folded_section_html(section.id, section.title, section.html)
                                    : section_html(section.id, section.title, section.html);
  return page_of(page);
}

}  // namespace shardproof::reports
