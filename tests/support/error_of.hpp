#pragma once

#include <string>

#include "scenarios/errors.hpp"

namespace shardproof::tests {

/// What a ScenarioError says that `action` throws, or "no error"; without any occurrence of
/// `remove` (the name of a temporary folder).
template <class Action>
std::string error_of(Action&& action, const std::string& remove = "") {
  std::string message = "no error";
  try {
    action();
  } catch (const ScenarioError& error) {
    message = error.what();
  }
  for (std::size_t at = 0; !remove.empty() && (at = message.find(remove)) != std::string::npos;)
    message.erase(at, remove.size());
  return message;
}

}  // namespace shardproof::tests
