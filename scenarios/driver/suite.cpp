#include "scenarios/driver/suite.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> scenario_files(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  if (fs::exists(fs::path(path) / "config.json"))
    throw ScenarioError(path + ": this is a model's folder: write shardproof run --model " + path +
                        " --deepspeed FILE --world RANKS");
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".json") found.push_back(entry.path().string());
  if (found.empty()) throw ScenarioError(path + ": the folder holds no scenario file (*.json)");
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<Scenario> read_suite(const std::vector<std::string>& paths,
                                 const ScenarioOptions& given) {
  std::vector<std::string> files;
  for (const std::string& path : paths)
    for (const std::string& file : scenario_files(path)) files.push_back(file);
  if (files.empty()) return {scenario_from_command_line(given)};
  if (files.size() > 1 && !given.name.empty())
    throw ScenarioError("--name: results are stored by name, and there are " +
                        std::to_string(files.size()) + " scenarios");
  std::vector<Scenario> scenarios;
  for (const std::string& file : files) scenarios.push_back(scenario_of_file(file, given));
  return scenarios;
}

void expect_unlike_names(const std::vector<Scenario>& scenarios) {
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios)
    if (!names.insert(scenario.name).second)
      throw ScenarioError(scenario.file + ": a scenario named '" + scenario.name +
                          "' is in this run already; results are stored by name");
}

int worst_exit_code(const std::vector<int>& exit_codes) {
  for (const int code : {1, 3, 2})
    if (std::find(exit_codes.begin(), exit_codes.end(), code) != exit_codes.end()) return code;
  return 0;
}

}  // namespace shardproof
