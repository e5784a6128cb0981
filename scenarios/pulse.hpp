#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// starting: before the first op of a step, where files are read and written. waiting: for other
/// processes, so that silence is no fault of this one; waiting_to_start: the same, while starting.
enum class Doing { starting, working, waiting, waiting_to_start };

template <>
struct Names<Doing> {
  static constexpr std::array all{"starting", "working", "waiting", "waiting_to_start"};
};

constexpr bool waits(Doing doing) {
  return doing == Doing::waiting || doing == Doing::waiting_to_start;
}

/// What one process last told of itself.
struct PulseRecord {
  std::string who;   // "rank 3"; "" where a job has one process
  std::string what;  // "step 1, micro-step 0: model.norm/forward/rms_norm"
  std::string host;
  std::int64_t process = 0;
  Doing doing = Doing::starting;
  std::int64_t beats = 0;       // how much it has finished
  double slowest_seconds = 0;   // that anything has taken so far
  double expected_seconds = 0;  // that what it does now may well take
};

/// The sign of life of this process: what it does, and how much it has finished (an op, a block, a
/// judged unit), so that a run that hangs is told from one that is slow, and who hangs from who
/// waits. Any thread may use it; a call costs less than a microsecond, and before publish() nobody
/// hears it.
class Pulse {
 public:
  static Pulse& of_this_process();

  /// From now on the record stands in a file of this folder, written once a second and only if it
  /// has changed: a process that is stopped, or hangs, changes nothing. One that ends well removes
  /// its file.
  void publish(const std::string& folder);
  void call(const std::string& who);

  /// Something has been finished, and what begins now.
  void start(std::string_view what) { set(Doing::starting, what); }
  void work_on(std::string_view what) { set(Doing::working, what); }
  /// A part of it has been finished.
  void beat();

  /// While one is alive, the process waits for others.
  class Waiting {
   public:
    explicit Waiting(std::string_view what);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Doing doing_;
    std::string what_;
  };

  /// While one is alive, a call of a library is under way that may well take so many seconds, and
  /// says nothing meanwhile.
  class LongCall {
   public:
    explicit LongCall(double seconds);
    ~LongCall();
    LongCall(const LongCall&) = delete;
    LongCall& operator=(const LongCall&) = delete;
    /// On a slow machine: a thousand million multiplications a second, and 5 MB of a file.
    static constexpr double seconds_of_product(double multiplications) {
      return multiplications / 1e9;
    }
    static constexpr double seconds_of_file(double bytes) { return bytes / 5e6; }

   private:
    double seconds_;
  };

 private:
  Pulse() = default;
  void set(Doing doing, std::string_view what);
  PulseRecord record() const;
  void keep_publishing(const std::stop_token& stop, const std::string& path) const;

  std::atomic<std::int64_t> beats_{0};
  std::atomic<std::int64_t> last_{0};     // nanoseconds of the steady clock, of the last beat
  std::atomic<std::int64_t> slowest_{0};  // nanoseconds
  std::atomic<double> expected_{0};       // seconds
  std::atomic<Doing> doing_{Doing::starting};
  mutable std::mutex mutex_;  // of those that follow
  std::string who_, what_;
  std::string path_;  // of the record; "": it is not published
  std::jthread publisher_;
};

std::string host_name();

/// The records in the folder, in the order of the files' names; those that cannot be read now are
/// left out.
std::vector<PulseRecord> read_pulses(const std::string& folder);

}  // namespace shardproof
