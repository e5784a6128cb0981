#include "reports/score/score_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"
#include "reports/render/json_parts.hpp"
#include "reports/score/bisection.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

const std::vector<std::string>& titles() {
  static const std::vector<std::string> all{"class",    "faults", "detected", "by its check", "op",
                                            "op exact", "ranks",  "cause",    "loss shows"};
  return all;
}

// A row of the table: "38 of 40" where not all are, a dash where nothing could be.
std::vector<std::string> cells_of(const std::string& name, const ScoreCounts& counts) {
  const auto of = [](int right, int all) {
    return all == 0       ? "-"
           : right == all ? std::to_string(all)
                          : fmt::format("{} of {}", right, all);
  };
  const int named = counts.named;
  return {name,
          std::to_string(counts.faults),
          of(counts.detected, counts.faults),
          of(counts.by_check, counts.faults),
          of(counts.op_right, named),
          of(counts.op_exact, named),
          of(counts.ranks_right, named),
          of(counts.cause_right, named),
          named == 0 ? "-" : std::to_string(counts.loss_shows)};
}

std::vector<std::string> legitimate_cells(const ScoreCounts& counts) {
  std::vector<std::string> cells(titles().size(), "-");
  cells[0] = shardproof::name_of(FaultClass::legitimate);
  cells[1] = std::to_string(counts.faults);
  cells[2] = std::to_string(counts.flagged) + " flagged";
  return cells;
}

// By class, those that have faults, and all together.
std::vector<std::vector<std::string>> table_of(const std::vector<FaultScore>& scores) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& name : names_of<FaultClass>()) {
    const FaultClass of = *from_name<FaultClass>(name);
    const ScoreCounts counts = counts_of(scores, of);
    if (counts.faults > 0 && of != FaultClass::legitimate) rows.push_back(cells_of(name, counts));
  }
  rows.push_back(cells_of("all faults", counts_of(scores)));
  const ScoreCounts legitimate = counts_of(scores, FaultClass::legitimate);
  if (legitimate.faults > 0) rows.push_back(legitimate_cells(legitimate));
  return rows;
}

std::string percent(double fraction) { return rounded(100 * fraction) + " %"; }

std::string magnitude_text(const Magnitude& magnitude) {
  const std::string found = "1 + " + rounded(magnitude.found);
  if (magnitude.found < 1.2 * Bisection::least) return "seen by " + found + ", the least tried";
  return "smallest " + found +
         (magnitude.predicted ? ", by the bound 1 + " + rounded(*magnitude.predicted) : "");
}

std::string what_was_found(const FaultScore& score) {
  const Fault& fault = score.fault;
  if (fault.kind == FaultClass::refusal) return "refused: " + score.found.message;
  if (fault.kind == FaultClass::legitimate) return "passes";
  std::string text = "by " + fault.expected.check + " at " + score.found.op + ", ranks " +
                     rank_list(score.found.ranks);
  if (!score.found.causes.empty()) text += ": " + score.found.causes[0].text;
  if (score.loss_change) text += "; loss changes by " + percent(*score.loss_change);
  if (score.magnitude) text += "; " + magnitude_text(*score.magnitude);
  return text;
}

// In a word: what was seen, and told otherwise than it should be, is not missed.
std::string word_of(const FaultScore& score) {
  const bool is_legitimate = score.fault.kind == FaultClass::legitimate;
  if (score.holds()) return is_legitimate ? "passes" : "found";
  if (is_legitimate) return "FLAGGED";
  return score.by_check ? "partly" : "MISSED";
}

std::string sentence_of(const FaultScore& score) {
  return score.holds() ? what_was_found(score) : score.miss;
}

int not_as_expected(const std::vector<FaultScore>& scores) {
  return static_cast<int>(
      std::ranges::count_if(scores, [](const FaultScore& score) { return !score.holds(); }));
}

std::string summary_of(const std::vector<FaultScore>& scores) {
  const ScoreCounts counts = counts_of(scores),
                    legitimate = counts_of(scores, FaultClass::legitimate);
  const int missed = not_as_expected(scores);
  return fmt::format("{} detected of {}, {} of {} flagged; {}; {} corrected after it ran",
                     counts.detected, counted(counts.faults, "fault"), legitimate.flagged,
                     counted(legitimate.faults, "legitimate run"),
                     missed == 0 ? "all as expected" : fmt::format("{} not as expected", missed),
                     counted(counts.corrected, "expectation"));
}

JsonValue counts_json(const ScoreCounts& counts) {
  return JsonValue::object()
      .set("faults", counts.faults)
      .set("flagged", counts.flagged)
      .set("named", counts.named)
      .set("detected", counts.detected)
      .set("by_check", counts.by_check)
      .set("op_right", counts.op_right)
      .set("op_exact", counts.op_exact)
      .set("ranks_right", counts.ranks_right)
      .set("cause_right", counts.cause_right)
      .set("loss_shows", counts.loss_shows)
      .set("corrected", counts.corrected);
}

JsonValue found_json(const Finding& found) {
  JsonValue causes = JsonValue::array();
  for (const ToldCause& cause : found.causes)
    causes.append(JsonValue::object()
                      .set("name", cause.name)
                      .set("coefficient", number_or_null(cause.coefficient))
                      .set("text", cause.text));
  return JsonValue::object()
      .set("exit_code", found.exit_code)
      .set("message", found.message)
      .set("checks", list(found.failed))
      .set("op", found.op)
      .set("ranks", list(found.ranks))
      .set("causes", std::move(causes));
}

JsonValue expected_json(const Expectation& expected) {
  return JsonValue::object()
      .set("check", expected.check)
      .set("op", expected.op)
      .set("ranks", list(expected.ranks))
      .set("cause", expected.cause.name)
      .set("coefficient", number_or_null(expected.cause.coefficient))
      .set("says", expected.cause.says + expected.says);
}

JsonValue score_as_json(const FaultScore& score) {
  const Fault& fault = score.fault;
  JsonValue json = JsonValue::object()
                       .set("id", fault.id)
                       .set("what", fault.what)
                       .set("framework", fault.framework)
                       .set("issue", fault.issue)
                       .set("link", fault.link)
                       .set("class", shardproof::name_of(fault.kind))
                       .set("expected", expected_json(fault.expected))
                       .set("found", found_json(score.found))
                       .set("detected", score.detected)
                       .set("by_check", score.by_check)
                       .set("op_right", score.op_right)
                       .set("op_exact", score.op_exact)
                       .set("ranks_right", score.ranks_right)
                       .set("cause_right", score.cause_right)
                       .set("loss_change", number_or_null(score.loss_change))
                       .set("miss", score.miss)
                       .set("corrected", fault.corrected);
  if (score.magnitude)
    json.set("magnitude", JsonValue::object()
                              .set("found", score.magnitude->found)
                              .set("predicted", number_or_null(score.magnitude->predicted)));
  return json;
}

std::string cell(const std::string& tag, const std::string& look, const std::string& html) {
  return "<" + tag + (look.empty() ? "" : " class=\"" + look + "\"") + ">" + html + "</" + tag +
         ">";
}

std::string class_table_html(const std::vector<FaultScore>& scores) {
  std::string head, rows;
  for (const std::string& title : titles())
    head += cell("th", title == "class" ? "" : "number", html_escaped(title));
  for (const std::vector<std::string>& row : table_of(scores)) {
    rows += "<tr>";
    for (const std::string& text : row)
      rows += &text == &row.front() ? cell("th", "name", html_escaped(text))
                                    : cell("td", "number", html_escaped(text));
    rows += "</tr>\n";
  }
  return scrolled_table("By class", head, rows);
}

std::string source_html(const Fault& fault) {
  const std::string text = html_escaped(fault.framework + " " + fault.issue);
  return fault.link.empty() ? text
                            : "<a href=\"" + html_escaped(fault.link) + "\">" + text + "</a>";
}

std::string fault_row(const FaultScore& score, const std::string& runs) {
  const Fault& fault = score.fault;
  const std::string id = html_escaped(fault.id);
  const bool has_report = fault.kind != FaultClass::refusal;
  const std::string page = html_escaped(runs + "/" + fault.id + "/report.html");
  return "<tr>" + cell("td", score.holds() ? "outcome pass" : "outcome fail", word_of(score)) +
         cell("th", "name", has_report ? "<a href=\"" + page + "\">" + id + "</a>" : id) +
         cell("td", "", html_escaped(shardproof::name_of(fault.kind))) +
         cell("td", "reason", html_escaped(fault.what) + "<br>" + source_html(fault)) +
         cell("td", "reason",
              html_escaped(one_line(sentence_of(score))) +
                  (fault.corrected.empty()
                       ? ""
                       : "<br>expectation corrected: " + html_escaped(fault.corrected))) +
         "</tr>\n";
}

std::string fault_table_html(const std::vector<FaultScore>& scores, const std::string& runs) {
  std::string rows;
  for (const bool holds : {false, true})  // what was missed is what a reader looks for
    for (const FaultScore& score : scores)
      if (score.holds() == holds) rows += fault_row(score, runs);
  return scrolled_table("Faults",
                        "<th>outcome</th><th>fault</th><th>class</th><th>what it is, and where it "
                        "was</th><th>what was found</th>",
                        rows);
}

std::string origin_html(const ScoreOrigin& origin) {
  Terms terms;
  terms.add("when", html_escaped(origin.date));
  terms.add("program", html_escaped(origin.version + ", commit " + origin.commit));
  terms.add("command", code(origin.command));
  terms.add("took", html_escaped(fmt::format("{:.0f} s", origin.seconds)));
  return terms.html();
}

}  // namespace

std::string score_line(const FaultScore& score) {
  return fmt::format("{:<7}  {}  {}\n", word_of(score), score.fault.id,
                     one_line(sentence_of(score)));
}

std::string score_text(const std::vector<FaultScore>& scores) {
  TextTable table("<>>>>>>>>");
  table.row(titles());
  for (const std::vector<std::string>& row : table_of(scores)) table.row(row);
  std::string text = summary_of(scores) + "\n" + table.text();
  for (const FaultScore& score : scores)
    if (!score.holds())
      text += "  " + word_of(score) + ": " + score.fault.id + ": " + one_line(score.miss) + "\n";
  return text;
}

std::string score_json(const std::vector<FaultScore>& scores, const ScoreOrigin& origin) {
  JsonValue classes = JsonValue::object(), faults = JsonValue::array();
  for (const std::string& name : names_of<FaultClass>())
    classes.set(name, counts_json(counts_of(scores, *from_name<FaultClass>(name))));
  for (const FaultScore& score : scores) faults.append(score_as_json(score));
  return write_json(JsonValue::object()
                        .set("schema", "shardproof-faults-1")
                        .set("date", origin.date)
                        .set("version", origin.version)
                        .set("commit", origin.commit)
                        .set("command", origin.command)
                        .set("seconds", origin.seconds)
                        .set("not_as_expected", not_as_expected(scores))
                        .set("all", counts_json(counts_of(scores)))
                        .set("classes", std::move(classes))
                        .set("faults", std::move(faults)),
                    2) +
         "\n";
}

std::string score_html(const std::vector<FaultScore>& scores, const ScoreOrigin& origin) {
  const bool all_hold = not_as_expected(scores) == 0;
  Page page;
  page.kind = "faults";
  page.look = all_hold ? "pass" : "fail";
  page.badge = all_hold ? "AS EXPECTED" : "NOT ALL AS EXPECTED";
  page.subject = counted(std::ssize(scores), "fault file");
  page.title = "Shardproof: what it would miss";
  page.headline = summary_of(scores);
  page.main = section_html("classes", "By class", class_table_html(scores)) +
              section_html("faults", "Faults", fault_table_html(scores, origin.runs)) +
              section_html("origin", "This score", origin_html(origin));
  return page_of(page);
}

}  // namespace shardproof::reports
