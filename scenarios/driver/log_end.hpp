#pragma once

#include <optional>
#include <string>

namespace shardproof {

/// What the end of a child's log says about its death.
struct LogEnd {
  std::string last_line;      // of the program itself: no blank lines, none of the launcher's
  std::string launcher;       // what the launcher said first: a paragraph, as one line
  std::optional<int> rank;    // that the launcher blames
  std::optional<int> signal;  // that killed this rank
};

/// Reads the end of a log. Open MPI's mpirun reports in boxes of dashes, after the program's own
/// last words:
///     rank 2: out of cheese
///     --------------------------------------------------------------------------
///     mpirun noticed that process rank 2 with PID 0 on node n1 exited on signal 9 (Killed).
///     --------------------------------------------------------------------------
LogEnd read_log_end(const std::string& path);

}  // namespace shardproof
