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

bool is_same_way(const Outcome& outcome, const Outcome& way) {
  if (outcome.verdict != way.verdict || outcome.execution != way.execution) return false;
  if (way.op.empty()) return outcome.op.empty() && outcome.checks == way.checks;
  return without_numbers(outcome.op) == without_numbers(way.op) &&
         std::ranges::all_of(outcome.checks, [&](const std::string& check) {
           return std::ranges::count(way.checks, check) > 0;
         });
}

}  // namespace shardproof
