#pragma once

#include <signal.h>

#include <cstdint>
#include <string>

#include "scenarios/driver/progress.hpp"

namespace shardproof {

/// How a command that starts no other process tells on stderr how far it is, and how it is
/// stopped. While this exists, SIGINT and SIGTERM end the process at once, in words and with
/// status 130 or 143, until the first call of `report`; from then on the next call throws
/// Interrupted, so that whoever writes can take away what is unfinished.
class ToolProgress {
 public:
  /// What is counted: as many as 2^power are shown as one.
  struct Unit {
    const char* name;
    int power;
  };
  static constexpr Unit mebibytes{"MiB", 20};
  /// `name`: of the command; `left`: what is so when it was stopped, "FILE is as it was".
  ToolProgress(std::string name, std::string left, const Unit& unit = mebibytes);
  ~ToolProgress();
  ToolProgress(const ToolProgress&) = delete;
  ToolProgress& operator=(const ToolProgress&) = delete;

  /// To be called before anything is written, and from time to time.
  void report(std::int64_t done, std::int64_t all);
  /// Takes the line from the terminal.
  void clear() { display_.clear(); }

 private:
  std::string name_, left_;
  Unit unit_;
  ProgressDisplay display_;
  std::int64_t percent_ = -1;  // that is shown
  struct sigaction interrupt_before_ {};
  struct sigaction terminate_before_ {};
};

}  // namespace shardproof
