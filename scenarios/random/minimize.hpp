#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/random/outcome.hpp"

namespace shardproof {

/// What a scenario costs, for who wants a smaller one: weights, then numbers of tokens and ranks
/// over the whole run, then the length of its text.
struct Effort {
  std::int64_t weights = 0;
  std::int64_t work = 0;  // steps, micro-steps, rows and tokens of all ranks, multiplied
  std::size_t text = 0;   // characters

  /// No part of it is more, and some are less.
  bool is_less_than(const Effort& other) const;
};
/// Throws ScenarioError if it is no scenario.
Effort effort_of(const JsonValue& scenario);

/// What may be done to a scenario to make it smaller, one thing each: fewer ranks; one layer, which
/// then has the defects; a key or a section left out; a number that is 1, half of it, or one less.
/// Most of them are no scenarios, or greater ones: to know, read them.
std::vector<JsonValue> smaller_than(const JsonValue& scenario);

struct Minimized {
  JsonValue scenario;
  Outcome outcome;    // of it
  int runs = 0;       // that it took
  bool ended = true;  // false: there were no runs left, though more may be possible
};
/// Makes a scenario smaller for as long as it ends the same way (is_same_way), by at most so many
/// runs. It takes the first thing that can be done, and looks again (Zeller & Hildebrandt 2002,
/// doi:10.1109/32.988498, of a list whose parts are tried one by one). What passes, or is refused,
/// stays as it is. `tell` hears of each that it takes, and what that costs. Deterministic if `run`
/// is.
Minimized minimize(const JsonValue& scenario, const RunScenario& run, int most_runs,
                   const std::function<void(const Minimized& so_far, const Effort&)>& tell = {});

}  // namespace shardproof
