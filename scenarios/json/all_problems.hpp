#pragma once

#include <functional>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// Calls `read` with `root`, and where it throws ScenarioError, again without the value at that
/// place, until it has read everything or can read no more. Throws what it threw in all
/// (ScenarioError::of_all), so that a user hears of every problem at once; but not what only comes
/// of a value that was left out: that it is missing, or that its default fits no other value.
void read_to_the_end(JsonValue root, const std::function<void(const JsonValue&)>& read);

}  // namespace shardproof
