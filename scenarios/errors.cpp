#include "scenarios/errors.hpp"

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

ScenarioError::ScenarioError(const SourcePlace& place, const std::string& message)
    : std::runtime_error(with_place(place, message)) {}

void detail::fail_expectation(const char* expression, const char* file, int line,
                              const std::string& values) {
  throw InvariantError(std::string(file) + ":" + std::to_string(line) + ": expected " + expression +
                       (values.empty() ? "" : ", got" + values));
}

}  // namespace shardproof
