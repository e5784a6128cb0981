#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

/// How far a child is, and its line on the pipe: "progress sim step 2/3".
struct Progress {
  std::string job;   // "sim"
  std::string unit;  // "step"
  std::int64_t done = 0;
  std::int64_t total = 0;
  friend bool operator==(const Progress&, const Progress&) = default;
};
std::string to_line(const Progress& progress);
/// Nothing if the line is no such line.
std::optional<Progress> progress_from_line(std::string_view line);

/// The child's end. It writes to the pipe that the supervisor named in the environment:
/// SHARDPROOF_PROGRESS_FD, the descriptor, and SHARDPROOF_PROGRESS_PIPE, "pid:inode" of the
/// supervisor and the pipe. A launcher such as mpirun closes the descriptor on the way to its
/// ranks, which then open the pipe anew. Without a supervisor, or on another node, nothing is
/// written.
class ProgressReporter {
 public:
  explicit ProgressReporter(std::string job);
  void report(const std::string& unit, std::int64_t done, std::int64_t total) const;

 private:
  std::string job_;
  FileDescriptor pipe_;
};

/// What a person sees of it. On a terminal one line that is rewritten; elsewhere (a log file) one
/// line for each job whenever it has come another 10 % or 30 s further.
class ProgressDisplay {
 public:
  using Time = std::chrono::steady_clock::time_point;
  ProgressDisplay(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  void show(const Progress& progress, Time now = std::chrono::steady_clock::now());
  /// Removes the line from the terminal, so that something else can be printed.
  void clear();

 private:
  struct Shown {
    Progress progress;
    std::int64_t tenths = -1;  // of the total, in the last line
    Time when;
  };
  void redraw();

  std::ostream& out_;
  bool terminal_;
  std::vector<std::string> jobs_;  // in the order of appearance
  std::map<std::string, Shown> shown_;
};

/// True if stderr is a terminal that can rewrite a line.
bool stderr_is_terminal();

}  // namespace shardproof
