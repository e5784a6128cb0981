#include "reports/render/format.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reports/checks/table.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/print/text_table.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

std::string one_line(const std::string& text) {
  std::string line = text;
  for (char& c : line) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return line;
}

std::string number_with_bits(double value) { return fmt::format("{} ({:a})", value, value); }

std::string rounded(double value) { return fmt::format("{:.3g}", value); }

std::string counted(std::int64_t count, const std::string& noun) {
  return with_thousands(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string rank_list(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t begin = 0; begin < ranks.size();) {
    std::size_t end = begin + 1;
    while (end < ranks.size() && ranks[end] == ranks[end - 1] + 1) ++end;
    if (end - begin < 3) end = begin + 1;
    text += (text.empty() ? "" : ",") + std::to_string(ranks[begin]);
    if (end - begin >= 3) text += "-" + std::to_string(ranks[end - 1]);
    begin = end;
  }
  return text;
}

std::string moment_text(const FirstDivergence& divergence) { return in_words(divergence.moment); }

std::string place_text(const FirstDivergence& divergence) {
  return divergence.op.empty() ? divergence.tensor : divergence.op;
}

namespace {

std::string words_of(const Cause& cause) {
  const double score = cause.score.value_or(1);
  const std::string most =
      score == 1 ? "" : fmt::format(" in {:.0f} % of the wrong elements", 100 * score);
  if (cause.name == "factor")
    return fmt::format("{} times the expected value{}{}", *cause.coefficient,
                       most.empty() ? ", everywhere" : most,
                       cause.known_as.empty() ? "" : " (" + cause.known_as + ")");
  if (cause.name == "unexplained")
    return "unexplained: its bits are nowhere else, and nothing that was tried fits";
  if (!cause.known_as.empty())
    return cause.known_as + (cause.name.starts_with("bits equal") ? ": " + cause.name : "") + most;
  std::string text = cause.name;
  const auto says_more = [](const std::optional<double>& number) {
    return number.value_or(1) != 1;
  };
  if (says_more(cause.coefficient)) text += fmt::format(", coefficient {}", *cause.coefficient);
  if (says_more(cause.score)) text += fmt::format(", score {}", *cause.score);
  return text;
}

}  // namespace

std::string cause_text(const Cause& cause) {
  std::string text = words_of(cause);
  for (const Cause& other : cause.alternatives) text += "; that is: " + words_of(other);
  return text;
}

std::vector<CheckResult> all_checks(const Verdict& verdict) {
  const std::vector<std::string> names = check_names();
  std::vector<CheckResult> checks;
  for (const std::string& name : names) {
    CheckResult absent;
    absent.name = name;
    absent.reason = "not reached";
    checks.push_back(std::move(absent));
  }
  std::vector<char> seen(names.size(), 0);
  for (const CheckResult& check : verdict.checks) {
    const auto at = std::find(names.begin(), names.end(), check.name) - names.begin();
    const auto i = static_cast<std::size_t>(at);
    SHARDPROOF_EXPECTS(i < names.size(), "no such check:", check.name);
    SHARDPROOF_EXPECTS(!seen[i], "a check twice:", check.name);
    seen[i] = 1;
    checks[i] = check;
  }
  return checks;
}

}  // namespace shardproof::reports
