#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"
#include "scenarios/random/outcome.hpp"
#include "scenarios/random/random_defect.hpp"
#include "scenarios/random/random_scenario.hpp"

namespace shardproof {

/// What a draw asks of whoever can run scenarios.
struct Laboratory {
  RunScenario run;
  /// Makes a drawn scenario one that can be run here: what it is then is what is kept.
  std::function<JsonValue(JsonValue scenario)> adapted;
  /// The same of what a run goes on from: the checkpoint that it leaves.
  std::function<std::string(const JsonValue& scenario)> save;
  /// The program of a scenario without its defects.
  std::function<Program(const JsonValue& scenario)> lower;
  /// Whether a defect changes some bit of what the run records.
  std::function<bool(const JsonValue& scenario)> has_effect;
};

/// What one seed showed.
struct Draw {
  enum class Result {
    right,
    without_effect,  // the defect changes nothing, here: no verdict could tell
    wrong,           // another verdict than it deserves, or another place
  };
  std::uint64_t seed = 0;
  JsonValue scenario;  // as it was run
  Outcome outcome;
  Result result = Result::right;
  std::string expected;  // "pass", "unknown", "fail at OP"
};

/// A clean scenario: it must get the verdict that it deserves.
Draw draw_clean(std::uint64_t seed, const Laboratory& laboratory);
/// The first scenario from this seed on that trains and is to pass, with a defect: it must fail, at
/// the op of the defect or one that shares a value with it.
Draw draw_faulty(std::uint64_t seed, const Laboratory& laboratory);

/// "seed 17 random-17-llama: pass, expected fail at ...: ..."
std::string text_of(const Draw& draw);

}  // namespace shardproof
