#include "scenarios/random/outcome.hpp"

#include <algorithm>
#include <cctype>

namespace shardproof {

namespace {

const std::string& text_at(const JsonValue& object, const char* key) {
  const JsonValue* value = object.find(key);
  SHARDPROOF_EXPECTS(value != nullptr, key);
  return value->text;
}

bool tells_why(const JsonValue& check) {
  const std::string& outcome = text_at(check, "outcome");
  return outcome == "fail" || outcome == "unknown";
}

std::string without_numbers(const std::string& name) {
  std::string text;
  std::ranges::copy_if(name, std::back_inserter(text),
                       [](unsigned char c) { return std::isdigit(c) == 0; });
  return text;
}

}  // namespace

Outcome outcome_of(const JsonValue& summary) {
  Outcome outcome{text_at(summary, "verdict"), {}, "", "", ""};
  if (outcome.is_pass()) return outcome;
  for (const JsonValue& check : summary.find("checks")->elements) {
    if (!tells_why(check)) continue;
    outcome.checks.push_back(text_at(check, "name"));
    if (outcome.sentence.empty())
      outcome.sentence = text_at(check, "name") + ": " + text_at(check, "reason");
  }
  if (const JsonValue* first = summary.find("first_divergence"); first && first->is_object()) {
    outcome.execution = text_at(*first, "execution");
    outcome.op = text_at(*first, "op");
  }
  return outcome;
}

bool is_same_way(const Outcome& a, const Outcome& b) {
  if (a.verdict != b.verdict || a.execution != b.execution) return false;
  return a.op.empty() ? b.op.empty() && a.checks == b.checks
                      : without_numbers(a.op) == without_numbers(b.op);
}

}  // namespace shardproof
