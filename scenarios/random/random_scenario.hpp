#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// What the verdict on a clean scenario must be.
enum class Deserved {
  pass,
  unknown,  // legitimately: every step overflows and is skipped, so that nothing was trained
};

/// A scenario that nothing is wrong with, for reference and sim: whatever it is judged to be but
/// what it deserves is a defect of Shardproof.
///
/// A pure function of the seed: random_scenario(7) is the same on every machine. A family, a grid
/// of up to 8 ranks, a ZeRO stage, dtypes, an optimizer, ... are drawn, each as the key that a user
/// would write, and toy widths, so that a run takes a second or two. What trains does at least one
/// update, unless it deserves `unknown`.
struct RandomScenario {
  JsonValue scenario;
  Deserved deserved = Deserved::pass;
  /// Where the scenario goes on from a checkpoint: what is run before it, on another grid.
  std::optional<JsonValue> before = {};

  std::string name() const { return scenario.find("name")->text; }
};
RandomScenario random_scenario(std::uint64_t seed);

/// After how many steps `before` saves the state that the scenario goes on from. Whoever runs both
/// sets the scenario's key "resume" to the checkpoint of `before` in sim.
constexpr int saved_steps = 1;

}  // namespace shardproof
