#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/pulse.hpp"

namespace shardproof {

/// How long the processes of a job may be silent.
struct StallLimits {
  std::optional<double> seconds =
      {};                      // of whatever they do; nothing: by what has been seen of them
  double start_seconds = 300;  // before the first op of a step: least of it
  double work_seconds = 60;    // least of it; ten times the slowest so far, if that is more
};

/// Tells from the pulses of a job's processes whether it hangs: one that should work has finished
/// nothing for too long, or all wait for one another. One that waits is not the one that hangs.
class StallWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  StallWatch(int processes, StallLimits limits, Time started)
      : processes_(processes), limits_(limits), started_(started) {}

  /// So long nobody ran, this process included: that is nobody's silence.
  void forgive(std::chrono::steady_clock::duration pause);
  /// What is known of each at `now`. If they hang, who does what since when: "no progress for 61 s:
  /// rank 2 is at step 0: forward/norm for 61 s; ranks 0, 1, 3 wait at ... for 60 s".
  std::optional<std::string> look(const std::vector<PulseRecord>& pulses, Time now);

 private:
  struct Seen {
    std::int64_t beats = -1;
    Time since;
  };
  struct Silence {
    const PulseRecord* pulse;
    double seconds;
  };
  std::vector<Silence> silences(const std::vector<PulseRecord>& pulses, Time now);
  double limit(const PulseRecord& pulse) const;
  bool hangs(const std::vector<Silence>& all, Time now) const;
  std::string describe(const std::vector<Silence>& all) const;

  int processes_;
  StallLimits limits_;
  Time started_;
  std::map<std::string, Seen> seen_;
};

}  // namespace shardproof
