#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "scenarios/driver/progress.hpp"
#include "scenarios/driver/side_by_side.hpp"
#include "scenarios/driver/stall_watch.hpp"

namespace shardproof {

/// A child process to be run.
struct Job {
  std::string name;                                // "sim"
  std::vector<std::string> command;                // program (looked up in PATH) and arguments
  std::map<std::string, std::string> environment;  // added to this process's
  std::string log_file;                            // gets its stdout and stderr
  std::string pulse_folder = {};  // where its processes tell their pulse; "": they are not watched
  int processes = 1;              // that do so, each on a processor of its own
  std::string launcher = {};      // "mpirun", whose children they are; "": the job is the process
};

/// How it ended.
struct JobResult {
  std::string name;
  int exit_status = -1;  // -1: it did not exit by itself
  int signal = 0;        // that killed it
  bool timed_out = false;
  std::string stall;  // who hung where; "": nobody did
  double seconds = 0;
  std::vector<std::int64_t> peaks = {};  // memory_peak.hpp, of those of its processes that told it
  /// One line, with the last line of its log: "sim was killed by signal 9 (out of memory?)",
  /// "real: rank 2 exited with 3: no space left on device", "sim ended well".
  std::string sentence;
  bool ok() const { return exit_status == 0; }
};

struct SupervisorOptions {
  SideBySide limits = {};                       // of jobs at a time
  std::optional<double> time_out_seconds = {};  // of each job
  double grace_seconds = 5;                     // between asking a job to end and killing it
  StallLimits stall = {};                       // of each job that is watched
  std::function<void(const Progress&)> on_progress = {};
  std::function<void(const JobResult&)> on_end = {};  // as soon as a job has ended
};

/// SIGINT or SIGTERM arrived; every child has been ended by then.
class Interrupted : public std::runtime_error {
 public:
  /// `what`: of whom it is said.
  explicit Interrupted(int signal, const std::string& what = "");
  int signal() const { return signal_; }
  /// 130 or 143.
  int exit_code() const { return 128 + signal_; }

 private:
  int signal_;
};

/// Runs the jobs in their order, as many at once as the limits allow; returns how each ended, in
/// the same order. Every job is the leader of its process group, and is ended as a group. Throws
/// Interrupted; EnvironmentError if no process can be started at all. A program that cannot be
/// found is a result. Call it on the main thread: signals are taken from it meanwhile.
std::vector<JobResult> run_jobs(const std::vector<Job>& jobs,
                                const SupervisorOptions& options = {});

}  // namespace shardproof
