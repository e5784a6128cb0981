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

SuiteMember read_member(const std::string& file, const ScenarioOptions& given) {
  try {
    return {file, scenario_of_file(file, given), ""};
  } catch (const ScenarioError& error) {
    return {file, std::nullopt, error.what()};
  }
}

void expect_unlike_names(const std::vector<SuiteMember>& members) {
  std::set<std::string> names;
  for (const SuiteMember& member : members)
    if (member.scenario && !names.insert(member.scenario->name).second)
      throw ScenarioError(member.file + ": a scenario named '" + member.scenario->name +
                          "' is in this run already; results are stored by name");
}

}  // namespace

std::vector<SuiteMember> read_suite(const std::vector<std::string>& paths,
                                    const ScenarioOptions& given) {
  std::vector<std::string> files;
  for (const std::string& path : paths)
    for (const std::string& file : scenario_files(path)) files.push_back(file);
  if (files.empty()) return {{"", scenario_from_command_line(given), ""}};
  if (files.size() == 1) return {{files.front(), scenario_of_file(files.front(), given), ""}};
  if (!given.name.empty())
    throw ScenarioError("--name: results are stored by name, and there are " +
                        std::to_string(files.size()) + " scenarios");
  std::vector<SuiteMember> members;
  for (const std::string& file : files) members.push_back(read_member(file, given));
  expect_unlike_names(members);
  return members;
}

int worst_exit_code(const std::vector<int>& exit_codes) {
  for (const int code : {1, 3, 2})
    if (std::find(exit_codes.begin(), exit_codes.end(), code) != exit_codes.end()) return code;
  return 0;
}

}  // namespace shardproof
