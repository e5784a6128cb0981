#include "scenarios/driver/results_listing.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "scenarios/driver/run_folder.hpp"
#include "scenarios/driver/run_lock.hpp"
#include "scenarios/driver/shell_command.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/readable_bytes.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* part = ".part";

std::time_t time_of(fs::file_time_type time) {
  return std::chrono::system_clock::to_time_t(std::chrono::file_clock::to_sys(time));
}

// A file of a trace lies in the folder of an execution; a checkpoint's lies deeper.
bool is_of_a_trace(const fs::path& inside) {
  const std::string file = inside.filename().string();
  return inside.has_parent_path() && (file.ends_with(".h5") || file.ends_with(".h5.part")) &&
         std::find(inside.begin(), inside.end(), "checkpoints") == inside.end();
}

// A running run writes and renames meanwhile: what is gone has no size.
void measure(ListedResults& results) {
  std::error_code gone;
  fs::recursive_directory_iterator files(results.path, gone);
  for (; !gone && files != fs::recursive_directory_iterator(); files.increment(gone)) {
    std::error_code error;
    if (!files->is_regular_file(error) || files->is_symlink(error)) continue;
    const std::uint64_t bytes = files->file_size(error);
    if (error) continue;
    const fs::path inside = files->path().lexically_relative(results.path);
    (is_of_a_trace(inside) ? results.trace_bytes : results.other_bytes) += bytes;
    if (const auto time = files->last_write_time(error); !error)
      results.written = std::max(results.written, time_of(time));
  }
}

void read_verdict(ListedResults& results) {
  const fs::path summary = fs::path(results.path) / "summary.json";
  results.verdict = "none";
  std::error_code error;
  if (!fs::is_regular_file(summary, error)) return;
  try {
    const JsonValue read = read_json(summary.string());
    const JsonValue* verdict = read.find("verdict");
    if (verdict != nullptr && verdict->is_string()) results.verdict = verdict->text;
    const auto written = fs::last_write_time(summary, error);
    if (!error) results.written = time_of(written);
  } catch (const ScenarioError&) {
    // One that cannot be read holds none.
  }
}

void say_of_part(ListedResults& results, const std::string& out, const std::string& of) {
  results.verdict = lock_is_held(lock_path(out, of)) ? "running" : "stopped";
  if (results.verdict == "stopped")
    results.advice = "left by a run that did not end; " +
                     shell_command({{"shardproof", "judge", results.path}}) +
                     " gives its verdict, the next run of " + of + " replaces it";
}

void say_of_undecided(ListedResults& results, const std::string& beside) {
  ListedResults verdict;
  verdict.path = beside;
  read_verdict(verdict);
  results.advice = results.written < verdict.written
                       ? "ended without a verdict, before the verdict that lies beside it: to be "
                         "removed when it is not needed"
                       : "ended without a verdict, after the verdict that lies beside it";
}

ListedResults listed(const std::string& out, const std::string& name) {
  ListedResults results;
  results.name = name;
  results.path = out + "/" + name;
  measure(results);
  read_verdict(results);
  const auto of = [&](const char* ending) {
    return name.ends_with(ending) ? name.substr(0, name.rfind('.')) : "";
  };
  if (const std::string run = of(part); !run.empty()) say_of_part(results, out, run);
  if (const std::string run = of(".undecided"); !run.empty())
    say_of_undecided(results, out + "/" + run);
  if (const std::string run = of(".old"); !run.empty())
    results.advice = "left by a run that was killed as it replaced results; the next run of " +
                     run + " puts that in order";
  return results;
}

ListedResults listed_lock(const std::string& path) {
  ListedResults lock;
  lock.name = fs::path(path).filename().string();
  lock.path = path;
  lock.verdict = "lock";
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  if (!error) lock.written = time_of(written);
  lock.advice = "left by a run that was killed; the next run removes it";
  return lock;
}

// Whatever else lies there, or cannot be looked into, is left out.
std::vector<std::string> results_in(const std::string& out) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(out, error), end; entry != end && !error;
       entry.increment(error)) {
    std::error_code unreadable;
    if (fs::exists(entry->path() / results_marker, unreadable))
      names.push_back(entry->path().filename().string());
  }
  return names;
}

}  // namespace

std::vector<ListedResults> list_results(const std::string& out) {
  if (!fs::is_directory(out)) throw ScenarioError(out + ": there is no such folder of results");
  std::vector<ListedResults> all;
  for (const std::string& name : results_in(out)) all.push_back(listed(out, name));
  for (const std::string& lock : lock_files(out))
    if (!lock_is_held(lock)) all.push_back(listed_lock(lock));
  std::ranges::sort(all, {}, &ListedResults::name);
  return all;
}

std::string leftovers_in(const std::string& out, const std::vector<std::string>& names) {
  std::uint64_t bytes = 0;
  std::vector<std::string> left;
  for (const std::string& file : results_in(out)) {
    const bool replaced =
        std::ranges::any_of(names, [&](const std::string& name) { return file == name + part; });
    if (!file.ends_with(part) || replaced) continue;
    if (lock_is_held(lock_path(out, file.substr(0, file.size() - std::strlen(part))))) continue;
    const ListedResults results = listed(out, file);
    if (results.verdict != "stopped") continue;
    bytes += results.trace_bytes + results.other_bytes;
    left.push_back(file);
  }
  if (left.empty()) return "";
  const std::string what =
      left.size() == 1 ? left.front() : std::to_string(left.size()) + " unfinished results";
  return out + ": " + what + " (" + readable_bytes(bytes) +
         ") left by runs that did not end: see " + shell_command({{"shardproof", "results", out}});
}

}  // namespace shardproof
