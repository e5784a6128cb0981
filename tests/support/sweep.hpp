#pragma once

#include <filesystem>
#include <string>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

/// The scenarios of the catalog's sweep, by name (tests run in the folder tests/).
namespace shardproof::tests {

inline std::string sweep_file(const std::string& name) {
  return "../scenarios/catalog/sweep/" + name + ".json";
}

inline Scenario sweep(const std::string& name) { return read_scenario(sweep_file(name)); }
/// The same over another number of steps.
inline Scenario sweep(const std::string& name, int steps) {
  Scenario scenario = sweep(name);
  scenario.steps = steps;
  return scenario;
}

/// As JSON, to be changed and written elsewhere: paths made absolute.
inline JsonValue sweep_json(const std::string& name) {
  const std::filesystem::path file = sweep_file(name);
  JsonValue scenario = read_json(file.string());
  for (JsonValue* path :
       {scenario.find("model")->find("config"), scenario.find("data")->find("tokens")})
    if (path != nullptr)
      *path =
          std::filesystem::absolute(file.parent_path() / path->text).lexically_normal().string();
  return scenario;
}

}  // namespace shardproof::tests
