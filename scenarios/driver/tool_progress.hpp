#pragma once

#include <signal.h>

#include <cstdint>
#include <string>

#include "scenarios/driver/progress.hpp"

namespace shardproof {

/// How a command that writes one thing, and runs nothing, tells on stderr how far it is, and how it
/// is stopped. While this exists, SIGINT and SIGTERM end the process at once, in words and with
/// status 130 or 143, until the first call of `report`; from then on the next call throws
/// Interrupted, so that whoever writes can take away what is unfinished.
class ToolProgress {
 public:
  /// `name`: of the command; `out`: what it writes.
  ToolProgress(std::string name, std::string out);
  ~ToolProgress();
  ToolProgress(const ToolProgress&) = delete;
  ToolProgress& operator=(const ToolProgress&) = delete;

  /// To be called before anything is written, and from time to time.
  void report(std::int64_t bytes_done, std::int64_t bytes);
  /// Takes the line from the terminal.
  void clear() { display_.clear(); }

 private:
  std::string name_, out_;
  ProgressDisplay display_;
  std::int64_t percent_ = -1;  // that is shown
  struct sigaction interrupt_before_ {};
  struct sigaction terminate_before_ {};
};

}  // namespace shardproof
