#include "scenarios/driver/run_folder.hpp"

#include <filesystem>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* undecided = ".undecided";

bool is_decided(int exit_code) { return exit_code == 0 || exit_code == 1; }

// Whether a verdict lies there; what cannot be read holds none.
bool holds_verdict(const std::string& results) {
  const std::string file = results + "/summary.json";
  if (!fs::is_regular_file(file)) return false;
  try {
    const JsonValue summary = read_json(file);
    const JsonValue* exit_code = summary.find("exit_code");
    return exit_code != nullptr && exit_code->is_number() &&
           is_decided(static_cast<int>(exit_code->integer));
  } catch (const ScenarioError&) {
    return false;
  }
}

// The nearest existing ancestor of the output folder must be a folder.
void expect_no_file_above(const fs::path& out) {
  if (out.empty()) throw ScenarioError("--out: the path is empty");
  for (fs::path path = fs::absolute(out); !path.empty(); path = path.parent_path()) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status) || path == path.root_path()) return;
    if (fs::exists(status)) {
      throw ScenarioError(path.string() + ": is a file; results cannot be written below it");
    }
  }
}

}  // namespace

void make_output_folder(const std::string& out) {
  expect_no_file_above(out);
  std::error_code error;
  fs::create_directories(out, error);
  if (error) throw EnvironmentError(out + ": cannot be created: " + error.message());
}

void expect_results_name(const std::string& name) {
  const bool bad = name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
                   name.ends_with(".part") || name.ends_with(".old") || name.ends_with(undecided);
  if (bad) {
    throw ScenarioError("\"" + name +
                        "\" cannot name a folder of results: no '/', no leading '.', and none of "
                        ".part, .old and .undecided at the end");
  }
  // Of a file's name; the longest that is made of it is that of the folder beside.
  constexpr std::size_t longest = 255;
  if (name.size() + std::string(undecided).size() > longest)
    throw ScenarioError("\"" + name.substr(0, 40) + "...\" cannot name a folder of results: " +
                        std::to_string(name.size()) + " bytes are too long for a file system");
}

RunFolder::RunFolder(const std::string& out, const std::string& name)
    : final_path_(out + "/" + name),
      path_(FolderReplacement::part_of(final_path_)),
      replacement_(final_path_, {.marker = results_marker, .what = "results of shardproof"}) {
  expect_results_name(name);
  make_output_folder(out);
  lock_.emplace(out, name);
  replacement_.begin("results of shardproof; replaced by the next run\n");
  remove_stale_locks(out);
}

void RunFolder::put_in_place(int exit_code) {
  SHARDPROOF_EXPECTS(path_ == FolderReplacement::part_of(final_path_), path_);
  path_ = place_of_results(final_path_, exit_code);
  if (path_ == final_path_)
    replacement_.put_in_place();
  else
    replacement_.put_beside(path_);
}

std::string undecided_beside(const std::string& results) {
  const std::string beside = results + undecided;
  return fs::is_directory(beside) ? beside : "";
}

std::string place_of_results(const std::string& final_path, int exit_code) {
  return !is_decided(exit_code) && holds_verdict(final_path) ? final_path + undecided : final_path;
}

}  // namespace shardproof
