#include "reports/render/text.hpp"

#include <algorithm>
#include <cctype>

#include "reports/render/format.hpp"
#include "reports/render/headline.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/suspects.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/listed.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t max_lines = 12;  // beside the notices

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

class Lines {
 public:
  void add(const std::string& label, const std::string& text) {
    if (text.empty()) return;
    std::string line = "  " + label;
    line.resize(std::max<std::size_t>(line.size() + 1, 13), ' ');
    lines_.push_back({label, line + one_line(text) + "\n"});
  }
  void note(const std::string& text) { notes_ += "  note       " + one_line(text) + "\n"; }
  void head(const std::string& line) { lines_.push_back({"", one_line(line) + "\n"}); }
  // What says least of a failure goes first where there is no room for all: the page has it.
  std::string text() {
    for (const char* label : {"trend", "skipped", "suspect", "cause"})
      if (lines_.size() > max_lines)
        std::erase_if(lines_, [&](const Line& line) { return line.label == label; });
    SHARDPROOF_EXPECTS(lines_.size() <= max_lines, lines_.size());
    std::string text;
    for (const Line& line : lines_) text += line.text;
    return text + notes_;
  }

 private:
  struct Line {
    std::string label, text;
  };
  std::vector<Line> lines_;
  std::string notes_;
};

// What the checks of the program say of it where that is not said already: a number that an op has
// and the scenario has not, a sum that is taken for what it is a part of.
void add_sentences_of_program(Lines& lines, const Verdict& verdict, const std::string& said) {
  for (const CheckResult& check : verdict.checks)
    if ((check.name == "policy" || check.name == "plan") && check.outcome == Outcome::fail &&
        check.reason != said)
      lines.add(check.name, check.reason);
}

void add_divergence(Lines& lines, const Verdict& verdict) {
  const FirstDivergence& first = *verdict.first_divergence;
  if (first.index.empty()) {
    // Which element is wrong is not known: what failed says what is.
    const std::string wrong =
        first.wrong_elements > 0 ? ", " + counted(first.wrong_elements, "wrong element") : "";
    lines.add("where", first.execution + (first.tensor.empty() ? "" : ": " + first.tensor) + wrong);
  } else {
    lines.add("where", first.execution + ": " + first.tensor + " " + index_text(first.index) +
                           " in the full tensor, " +
                           counted(first.wrong_elements, "wrong element"));
    lines.add("got", number_with_bits(first.got) + ", expected " +
                         number_with_bits(first.expected) +
                         (first.ranks.size() > 1 ? ", on rank " + std::to_string(first.rank) : ""));
    lines.add("error",
              rounded(first.error) + ", allowed before the last rounding: " + rounded(first.bound));
  }
  lines.add("why", first.reason);
  add_sentences_of_program(lines, verdict, first.reason);
  if (first.cause) lines.add("cause", cause_text(*first.cause));
}

}  // namespace

std::string verdict_text(const Verdict& verdict, const std::string& report) {
  const std::vector<CheckResult> checks = all_checks(verdict);
  Lines lines;
  lines.head(upper(name_of(verdict.conclusion)) + " " + verdict.scenario + ": " +
             headline_text(verdict, checks));
  if (verdict.first_divergence) add_divergence(lines, verdict);
  // One line for all errors: of an "error" the first is in the headline.
  const std::size_t told = verdict.conclusion == Conclusion::error ? 1 : 0;
  if (verdict.errors.size() > told) {
    const std::size_t more = verdict.errors.size() - told - 1;
    lines.add("error in",
              verdict.errors[told] + (more ? " (and " + std::to_string(more) + " more)" : ""));
  }
  // What the checks are worth stands beside them.
  const std::string hardware = hardware_text(verdict);
  const std::string others = verdict.other_failures > 0
                                 ? "; " + counted(verdict.other_failures, "more failing unit") +
                                       ", which may follow from this one"
                                 : "";
  lines.add("checks", tally_text(checks) + others + (hardware.empty() ? "" : "; on " + hardware));
  if (verdict.conclusion == Conclusion::pass) lines.add("compared", compared_text(verdict, checks));
  lines.add("baseline", baseline_text(verdict));
  lines.add("since then", changes_text(verdict));
  lines.add("suspect", text_of(verdict.suspects));
  lines.add("skipped", skipped_text(verdict));
  lines.add("trend", trend_text(verdict));
  lines.add("planted", joined(verdict.injected, "; "));
  if (verdict.conclusion != Conclusion::pass) lines.add("reproduce", verdict.reproduce);
  lines.add("report", report);
  for (const std::string& notice : verdict.notices) lines.note(notice);
  if (const std::string left_out = left_out_text(verdict); !left_out.empty()) lines.note(left_out);
  return lines.text();
}

}  // namespace shardproof::reports
