#include "reports/render/text.hpp"

#include <algorithm>
#include <cctype>

#include "reports/render/format.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/text_table.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t max_lines = 12;

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// "op_local, plan_units" of the checks with this outcome; empty if there are none.
std::string names_with(const std::vector<CheckResult>& checks, Outcome outcome) {
  std::string names;
  for (const CheckResult& check : checks)
    if (check.outcome == outcome) names += (names.empty() ? "" : ", ") + check.name;
  return names;
}

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

// "13 passed, 1 failed (op_local), 2 not run (shadow, suspects)".
std::string tally(const std::vector<CheckResult>& checks) {
  std::vector<std::string> parts;
  const auto count = [&](Outcome outcome) {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const CheckResult& check) { return check.outcome == outcome; });
  };
  const auto add = [&](Outcome outcome, const std::string& word, bool with_names) {
    const auto n = count(outcome);
    if (n == 0) return;
    parts.push_back(std::to_string(n) + " " + word +
                    (with_names ? " (" + names_with(checks, outcome) + ")" : ""));
  };
  add(Outcome::pass, "passed", false);
  add(Outcome::fail, "failed", true);
  add(Outcome::unknown, "unknown", true);
  add(Outcome::trend, "shown as a trend", true);
  // Where nothing ran, a list of all names says nothing.
  add(Outcome::not_run, "not run", count(Outcome::not_run) < std::ssize(checks) / 2);
  return joined(parts, ", ");
}

// The check that decided the verdict: the first that failed, else the first unknown one, else the
// first that did not run.
const CheckResult* deciding_check(const std::vector<CheckResult>& checks) {
  for (const Outcome outcome : {Outcome::fail, Outcome::unknown, Outcome::not_run})
    for (const CheckResult& check : checks)
      if (check.outcome == outcome) return &check;
  return nullptr;
}

// The first line, after the scenario's name.
std::string headline(const Verdict& verdict, const std::vector<CheckResult>& checks) {
  if (verdict.verdict == "pass") return joined(verdict.executions, ", ") + " agree";
  if (verdict.verdict == "fail" && verdict.first_divergence) {
    const FirstDivergence& first = *verdict.first_divergence;
    std::string text = place_text(first) + ", " + moment_text(first);
    if (!first.ranks.empty())
      text += (first.ranks.size() == 1 ? ", rank " : ", ranks ") + rank_list(first.ranks);
    return text;
  }
  if (verdict.verdict == "error" && !verdict.errors.empty()) return verdict.errors.front();
  const CheckResult* check = deciding_check(checks);
  return check == nullptr ? "no reason was given" : check->name + ": " + check->reason;
}

class Lines {
 public:
  void add(const std::string& label, const std::string& text) {
    if (text.empty()) return;
    std::string line = "  " + label;
    line.resize(std::max<std::size_t>(line.size() + 1, 13), ' ');
    text_ += line + one_line(text) + "\n";
    ++count_;
  }
  void head(const std::string& line) {
    text_ = one_line(line) + "\n";
    count_ = 1;
  }
  const std::string& text() const {
    SHARDPROOF_EXPECTS(count_ <= max_lines, count_);
    return text_;
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

void add_divergence(Lines& lines, const Verdict& verdict) {
  const FirstDivergence& first = *verdict.first_divergence;
  lines.add("where", first.execution + ": " + first.tensor + " " + index_text(first.index) +
                         " in the full tensor, " + counted(first.wrong_elements, "wrong element"));
  lines.add("got", number_with_bits(first.got));
  lines.add("expected", number_with_bits(first.expected));
  lines.add("error",
            rounded(first.error) + ", allowed before the last rounding: " + rounded(first.bound));
  if (first.cause) lines.add("cause", cause_text(*first.cause));
}

std::string compared_text(const std::vector<CheckResult>& checks) {
  std::int64_t compared = 0;
  for (const CheckResult& check : checks) compared += check.compared;
  std::string text = with_thousands(compared);
  if (const auto ratio = largest_ratio(checks))
    text += ", largest used part of a bound " + rounded(*ratio);
  return text;
}

}  // namespace

std::string verdict_text(const Verdict& verdict, const std::string& report) {
  const std::vector<CheckResult> checks = all_checks(verdict);
  Lines lines;
  lines.head(upper(verdict.verdict) + " " + verdict.scenario + ": " + headline(verdict, checks));
  if (verdict.first_divergence) add_divergence(lines, verdict);
  if (verdict.other_failures > 0)
    lines.add("others", counted(verdict.other_failures, "failing unit") + " beside this one");
  // One line for all errors: of an "error" the first is in the headline.
  const std::size_t told = verdict.verdict == "error" ? 1 : 0;
  if (verdict.errors.size() > told) {
    const std::size_t more = verdict.errors.size() - told - 1;
    lines.add("error in",
              verdict.errors[told] + (more ? " (and " + std::to_string(more) + " more)" : ""));
  }
  lines.add("checks", tally(checks));
  if (verdict.verdict == "pass") lines.add("compared", compared_text(checks));
  lines.add("planted", joined(verdict.injected, "; "));
  if (verdict.verdict != "pass") lines.add("reproduce", verdict.reproduce);
  lines.add("report", report);
  return lines.text();
}

}  // namespace shardproof::reports
