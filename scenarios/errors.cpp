#include "scenarios/errors.hpp"

#include <algorithm>

namespace shardproof {

std::string to_string(const SourcePlace& place) {
  std::string text = place.file;
  if (place.line > 0) text += ":" + std::to_string(place.line);
  if (place.line > 0 && place.column > 0) text += ":" + std::to_string(place.column);
  return text;
}

namespace {
std::string with_place(const SourcePlace& place, const std::string& message) {
  const std::string where = to_string(place);
  return where.empty() ? message : where + ": " + message;
}
}  // namespace

ScenarioError::ScenarioError(const SourcePlace& place, const std::string& message, Kind kind)
    : std::runtime_error(with_place(place, message)), kind_(kind) {
  if (!place.file.empty()) places_.push_back(place);
}

ScenarioError::ScenarioError(std::vector<SourcePlace> places, const std::string& message)
    : std::runtime_error(with_place(places.at(0), message)), places_(std::move(places)) {}

ScenarioError ScenarioError::of_all(std::vector<ScenarioError> problems) {
  SHARDPROOF_EXPECTS(!problems.empty());
  if (problems.size() == 1) return problems.front();
  std::stable_partition(problems.begin(), problems.end(), [](const ScenarioError& problem) {
    return problem.kind() == Kind::not_implemented;
  });
  std::string text = std::to_string(problems.size()) + " problems";
  for (const ScenarioError& problem : problems) text += std::string("\n  ") + problem.what();
  return ScenarioError(text);
}

void detail::fail_expectation(const char* expression, const char* file, int line,
                              const std::string& values) {
  throw InvariantError(std::string(file) + ":" + std::to_string(line) + ": expected " + expression +
                       (values.empty() ? "" : ", got" + values));
}

}  // namespace shardproof
