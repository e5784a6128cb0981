#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "scenarios/plan/program.hpp"
#include "scenarios/random/draw.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What runs a scenario and judges it: handed in, since these are the other wings' work.
struct Runners {
  /// Throws ScenarioError of what would be refused before it runs.
  std::function<void(const Scenario&)> check;
  /// Its run, judged, as summary.json says it; all that it writes goes to an empty folder.
  std::function<JsonValue(const Scenario&, const std::string& folder)> summary;
  /// Its simulated execution alone.
  std::function<void(const Scenario&, const std::string& folder)> simulate;
  /// Whether two simulated executions have recorded the same bits.
  std::function<bool(const std::string& folder, const std::string& other)> are_equal;
  std::function<Program(const Scenario&)> lower;
};

/// Runs drawn scenarios in a folder of its own, which goes with it.
class RunsHere {
 public:
  /// In `beside`, which is made if it is not there (make_output_folder says how it may fail).
  /// `real`: beside reference and sim.
  RunsHere(const std::filesystem::path& beside, bool real, Runners runners);
  ~RunsHere();
  RunsHere(const RunsHere&) = delete;
  RunsHere& operator=(const RunsHere&) = delete;

  /// The scenario as it is run here, with no order of sums that only a GPU's library has.
  JsonValue adapted(JsonValue json) const;
  /// What cannot be run is an outcome, too. Throws Interrupted.
  Outcome run(const JsonValue& json) const;
  /// What a campaign asks of it. It must not outlive this object.
  Laboratory laboratory() const;

 private:
  std::string save(const JsonValue& json) const;
  bool has_effect(JsonValue faulty) const;
  std::string empty(const char* name) const;

  std::string folder_;
  bool real_;
  Runners runners_;
};

}  // namespace shardproof
