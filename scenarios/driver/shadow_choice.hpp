#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/precision/shadow.hpp"

namespace shardproof {

/// Whether a run has its fp64 shadow, which is decided before anything runs; run.json and the
/// summary say it.
struct ShadowChoice {
  bool runs = false;
  int steps = 0;                           // of the shadow; 0: there can be none
  double share = 0;                        // share_of_shadow; 0: there can be none
  std::vector<std::string> left_out = {};  // Shadow::left_out
  std::string reason = {};                 // of one that does not run, and how it would
};

/// The reason of one that the scenario does not want.
inline constexpr const char* shadow_declined = "\"shadow\" is false in the scenario";

/// What is known of a run before it runs.
struct RunCost {
  std::int64_t trace_bytes = 0;      // of one engine
  std::int64_t reference_bytes = 0;  // of the reference's trace; 0: it does not run
};

/// What a shadow takes, of what the run takes without it, by what both record. A number that is
/// recorded is computed and judged, its bytes are written and read: eight bytes count as much as a
/// number. (On the quickstart a shadow of one step takes about 0.3 of the processor time of three
/// steps, and 0.7 of that of one; the estimates are 0.23 and 0.64.)
///
///     (n + b / 8) of the shadow / sum over reference, sim and real of (n + b / 8)
///
/// How many numbers the run records its shadow's `program` knows, in which each is one of 8 bytes.
double share_of_shadow(const Scenario& scenario, const Program& program, const RunCost& run);

/// It runs where the scenario asks for it, and where that is not said if its share is less than a
/// third. `shadow` and `program`: of shadow_of(scenario).
ShadowChoice choose_shadow(const Scenario& scenario, const Shadow& shadow, const Program& program,
                           const RunCost& run);
/// Of a run that can have none.
ShadowChoice without_shadow(const std::string& reason);

/// {"runs", "steps", "estimated_share", "left_out", "reason"}
JsonValue to_json(const ShadowChoice& choice);
ShadowChoice shadow_choice_from_json(const JsonValue& json);

}  // namespace shardproof
