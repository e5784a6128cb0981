#include "scenarios/driver/runs_at_once.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <optional>

#include "scenarios/driver/shell_command.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/folder_replacement.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* outcome_variable = "SHARDPROOF_OUTCOME";

// Where children leave their outcomes and what they print; it goes with the object.
class Desk {
 public:
  Desk() {
    std::string pattern = fs::temp_directory_path() / "shardproof-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      throw EnvironmentError(pattern + ": cannot be created");
    path_ = pattern;
  }
  ~Desk() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  std::string outcome(std::size_t index) const { return file(index) + ".json"; }
  std::string log(std::size_t index) const { return file(index) + ".log"; }

 private:
  std::string file(std::size_t index) const { return path_ + "/" + std::to_string(index); }
  std::string path_;
};

std::optional<RunOutcome> read_outcome(const std::string& file) {
  if (!fs::exists(file)) return std::nullopt;
  const JsonValue outcome = read_json(file);
  return RunOutcome{static_cast<int>(outcome.find("exit_code")->integer),
                    outcome.find("headline")->text, outcome.find("folder")->text};
}

class RunsAtOnce {
 public:
  RunsAtOnce(const std::vector<RunCommand>& commands, const RunEnded& ended)
      : commands_(commands), ended_(ended), outcomes_(commands.size()) {}

  std::vector<TimedOutcome> run(int at_once);

 private:
  std::vector<Job> jobs() const;
  void tell_of_new_ones();
  void tell(std::size_t index, RunOutcome outcome);
  std::string unfinished() const;

  const std::vector<RunCommand>& commands_;
  const RunEnded& ended_;
  Desk desk_;
  std::vector<std::optional<RunOutcome>> outcomes_;
  int count_ = 0;
};

std::vector<TimedOutcome> RunsAtOnce::run(int at_once) {
  SupervisorOptions supervision;
  supervision.limits = {at_once, at_once};
  // Longer than the children give to theirs.
  supervision.grace_seconds = 15;
  supervision.on_progress = [&](const Progress&) { tell_of_new_ones(); };
  std::vector<TimedOutcome> all;
  try {
    const std::vector<JobResult> results = run_jobs(jobs(), supervision);
    tell_of_new_ones();
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!outcomes_[i]) {
        std::cerr << read_text(desk_.log(i));  // its last words: nobody else keeps them
        tell(i, {3, results[i].sentence, ""});
      }
      all.push_back({*outcomes_[i], results[i].seconds});
    }
  } catch (const Interrupted& interrupted) {
    throw Interrupted(interrupted.signal(), unfinished());
  }
  return all;
}

std::vector<Job> RunsAtOnce::jobs() const {
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    const std::map<std::string, std::string> environment{{outcome_variable, desk_.outcome(i)}};
    jobs.push_back({commands_[i].name, commands_[i].words, environment, desk_.log(i)});
  }
  return jobs;
}

void RunsAtOnce::tell_of_new_ones() {
  for (std::size_t i = 0; i < outcomes_.size(); ++i)
    if (!outcomes_[i])
      if (auto outcome = read_outcome(desk_.outcome(i))) tell(i, std::move(*outcome));
}

void RunsAtOnce::tell(std::size_t index, RunOutcome outcome) {
  outcomes_[index] = std::move(outcome);
  ended_(*outcomes_[index], ++count_);
}

// Those that had begun, and where each has left what it wrote.
std::string RunsAtOnce::unfinished() const {
  std::string text;
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    const std::string part = FolderReplacement::part_of(commands_[i].results);
    if (outcomes_[i] || !fs::exists(desk_.log(i)) || !fs::exists(part)) continue;
    text += (text.empty() ? "" : "; ") + commands_[i].name + ": what it left lies in " + part +
            " (shardproof judge " + shell_command({{part}}) + ")";
  }
  return text;
}

}  // namespace

std::vector<TimedOutcome> run_at_once(const std::vector<RunCommand>& commands, int at_once,
                                      const RunEnded& ended) {
  return RunsAtOnce(commands, ended).run(at_once);
}

void leave_outcome(const RunOutcome& outcome) {
  const char* file = std::getenv(outcome_variable);
  if (file == nullptr) return;
  const std::string unfinished = std::string(file) + ".part";
  write_text(unfinished, write_json(JsonValue::object()
                                        .set("exit_code", outcome.exit_code)
                                        .set("headline", outcome.headline)
                                        .set("folder", outcome.folder)));
  fs::rename(unfinished, file);
  ProgressReporter("run").report("outcome", 1, 1);
}

Needs needs_at_once(const std::vector<Needs>& needs, int at_once) {
  std::vector<std::uint64_t> memory, disk;
  for (const Needs& one : needs) {
    memory.push_back(one.memory_bytes);
    disk.push_back(one.disk_bytes);
  }
  const auto sum_of_largest = [&](std::vector<std::uint64_t>& all) {
    std::ranges::sort(all, std::greater<>());
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < all.size() && i < static_cast<std::size_t>(at_once); ++i)
      sum += all[i];
    return sum;
  };
  return {sum_of_largest(memory), sum_of_largest(disk),
          needs.empty() ? "" : needs.front().disk_folder};
}

}  // namespace shardproof
