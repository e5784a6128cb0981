#include "scenarios/random/runs_here.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/supervisor.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/exact/exact.hpp"

namespace shardproof {

namespace fs = std::filesystem;

RunsHere::RunsHere(const fs::path& beside, bool real, Runners runners)
    : real_(real), runners_(std::move(runners)) {
  make_output_folder(beside.string());
  folder_ = (beside / "runs-XXXXXX").string();
  if (::mkdtemp(folder_.data()) == nullptr)
    throw EnvironmentError(folder_ + ": cannot be made: " + std::strerror(errno));
}

RunsHere::~RunsHere() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

JsonValue RunsHere::adapted(JsonValue json) const {
  JsonValue executions = JsonValue::array().append("reference").append("sim");
  if (real_) executions.append("real");
  json.set("executions", std::move(executions));
  const JsonValue* reduction = json.find("reduction");
  if (real_ && reduction != nullptr && reduction->text == "library") json.set("reduction", "ring");
  return json;
}

Outcome RunsHere::run(const JsonValue& json) const {
  try {
    Scenario scenario = scenario_inside(json, "");
    if (scenario.exact) settle_on_exact_seed(scenario);
    runners_.check(scenario);
    return outcome_of(runners_.summary(scenario, empty("run")));
  } catch (const ScenarioError& error) {
    return {"refused", {}, "", "", error.what()};
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    return {"error", {}, "", "", error.what()};
  }
}

Laboratory RunsHere::laboratory() const {
  return {[this](const JsonValue& json) { return run(json); },
          [this](JsonValue json) { return adapted(std::move(json)); },
          [this](const JsonValue& json) { return save(json); },
          [this](const JsonValue& json) { return runners_.lower(scenario_inside(json, "")); },
          [this](const JsonValue& json) { return has_effect(json); }};
}

// The checkpoint that a run leaves after its first steps.
std::string RunsHere::save(const JsonValue& json) const {
  const std::string folder = empty("before");
  runners_.simulate(scenario_inside(json, ""), folder);
  return checkpoint_path(folder, saved_steps);
}

bool RunsHere::has_effect(JsonValue faulty) const {
  const std::string with = empty("with"), without = empty("without");
  runners_.simulate(scenario_inside(faulty, ""), with);
  runners_.simulate(scenario_inside(faulty.set("inject", JsonValue::array()), ""), without);
  return !runners_.are_equal(with, without);
}

std::string RunsHere::empty(const char* name) const {
  const std::string folder = folder_ + "/" + name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

}  // namespace shardproof
