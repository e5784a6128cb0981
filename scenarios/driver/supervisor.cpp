#include "scenarios/driver/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>

#include "scenarios/driver/child_process.hpp"
#include "scenarios/driver/log_end.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/memory_peak.hpp"
#include "scenarios/processors.hpp"

namespace shardproof {

namespace {

using Clock = std::chrono::steady_clock;

std::chrono::nanoseconds seconds(double count) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(count * 1e9));
}

// Turns SIGCHLD, SIGINT and SIGTERM into something to poll, for as long as it exists.
class SignalQueue {
 public:
  SignalQueue() {
    ::sigemptyset(&signals_);
    for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) ::sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    fd_ = FileDescriptor(::signalfd(-1, &signals_, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd_.is_open()) {
      ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
      throw EnvironmentError(std::string("signalfd: ") + ::strerror(errno));
    }
  }
  ~SignalQueue() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  int fd() const { return fd_.get(); }
  /// Empties the queue; SIGINT or SIGTERM if one was in it, else 0.
  int take_interrupt() {
    int interrupt = 0;
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD) interrupt = static_cast<int>(info.ssi_signo);
    }
    return interrupt;
  }

 private:
  sigset_t signals_{}, before_{};
  FileDescriptor fd_;
};

std::string describe_signal(int signal) {
  if (signal == SIGKILL) return "signal 9 (out of memory?)";
  const char* text = ::sigdescr_np(signal);
  return "signal " + std::to_string(signal) + (text ? std::string(" (") + text + ")" : "");
}

// A process has a name once it knows its rank: before that it has not come through MPI's start.
bool came_to_life(const Job& job) {
  return std::ranges::any_of(read_pulses(job.pulse_folder),
                             [](const PulseRecord& pulse) { return !pulse.who.empty(); });
}

std::string describe_failed_start(const Job& job, const LogEnd& log) {
  std::string text = job.name + ": " + job.launcher + " did not start " +
                     (job.processes == 1 ? "the rank" : std::to_string(job.processes) + " ranks");
  for (const std::string& words : {log.launcher, log.last_line})
    if (!words.empty()) text += ": " + words;
  return text + " (the rest of its words: " + job.name + ".log)";
}

std::string describe(const JobResult& result, const Job& job, double time_out) {
  if (result.ok()) return job.name + " ended well";
  const LogEnd log = read_log_end(job.log_file);
  const std::string who = log.rank ? job.name + ": rank " + std::to_string(*log.rank) : job.name;
  const int signal = result.signal != 0 ? result.signal : log.signal.value_or(0);
  std::string text;
  if (!result.stall.empty()) {
    text = job.name + " was stopped: " + result.stall;
  } else if (result.timed_out) {
    text = job.name + " did not end within " + std::to_string(time_out);
    text.erase(text.find_last_not_of('0') + 1);  // "1.500000" -> "1.5", "1.000000" -> "1."
    if (text.back() == '.') text.pop_back();
    text += " s and was stopped";
  } else if (signal != 0) {
    text = who + " was killed by " + describe_signal(signal);
  } else if (!job.launcher.empty() && !came_to_life(job)) {
    return describe_failed_start(job, log);
  } else {
    text = who + " exited with " + std::to_string(result.exit_status);
  }
  return log.last_line.empty() ? text : text + ": " + log.last_line;
}

// One job that runs: what it has said so far, and when it has to be stopped or killed.
struct Running {
  std::size_t index;
  ChildProcess process;
  Clock::time_point started;
  StallWatch watch;
  std::string unfinished_line = {};
  std::optional<Clock::time_point> kill_at = {};  // set once it has been asked to end
  bool timed_out = false;
  std::string stall = {};
};

class Supervisor {
 public:
  Supervisor(const std::vector<Job>& jobs, const SupervisorOptions& options)
      : jobs_(jobs), options_(options), results_(jobs.size()) {}

  std::vector<JobResult> run();

 private:
  void start_jobs();
  void wait_for_news();
  void read_progress(Running& job);
  void stop(Running& job) const;
  void watch_times();
  void watch_pulses();
  void collect();
  void finish(Running& job, int wait_status);

  const std::vector<Job>& jobs_;
  const SupervisorOptions& options_;
  std::vector<JobResult> results_;
  SignalQueue signals_;
  std::list<Running> running_;
  std::size_t next_ = 0;
  int interrupt_ = 0;
  Clock::time_point looked_ = Clock::now();  // at the pulses
};

std::vector<JobResult> Supervisor::run() {
  while (!running_.empty() || (next_ < jobs_.size() && interrupt_ == 0)) {
    if (interrupt_ == 0) start_jobs();
    wait_for_news();
    const bool interrupted_again = interrupt_ != 0;
    if (const int signal = signals_.take_interrupt(); signal != 0) {
      interrupt_ = signal;
      for (Running& job : running_) {
        if (interrupted_again) job.process.signal_group(SIGKILL);
        stop(job);
      }
    }
    watch_times();
    watch_pulses();
    collect();
  }
  if (const int signal = signals_.take_interrupt(); signal != 0) interrupt_ = signal;
  if (interrupt_ != 0) throw Interrupted(interrupt_);
  return std::move(results_);
}

void Supervisor::start_jobs() {
  const auto limit =
      static_cast<std::size_t>(options_.at_once > 0 ? options_.at_once : usable_processors());
  for (; next_ < jobs_.size() && running_.size() < limit; ++next_) {
    const Job& job = jobs_[next_];
    running_.push_back({next_, ChildProcess(job), Clock::now(),
                        StallWatch(job.processes, options_.stall, Clock::now())});
  }
}

// Sleeps until a signal or a line of progress arrives; at most 100 ms, to look at the clock.
void Supervisor::wait_for_news() {
  std::vector<pollfd> sources{{signals_.fd(), POLLIN, 0}};
  for (const Running& job : running_) sources.push_back({job.process.progress_fd(), POLLIN, 0});
  ::poll(sources.data(), sources.size(), 100);
  for (Running& job : running_) read_progress(job);
}

void Supervisor::read_progress(Running& job) {
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0;
       (got = ::read(job.process.progress_fd(), buffer.data(), buffer.size())) > 0;) {
    job.unfinished_line.append(buffer.data(), static_cast<std::size_t>(got));
  }
  std::string& text = job.unfinished_line;
  for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    const auto progress = progress_from_line(std::string_view(text).substr(0, end));
    if (progress && options_.on_progress) options_.on_progress(*progress);
    text.erase(0, end + 1);
  }
}

void Supervisor::stop(Running& job) const {
  if (job.kill_at) return;
  job.process.signal_group(SIGTERM);
  job.kill_at = Clock::now() + seconds(options_.grace_seconds);
}

void Supervisor::watch_times() {
  const auto now = Clock::now();
  for (Running& job : running_) {
    if (!job.kill_at && options_.time_out_seconds &&
        now - job.started > seconds(*options_.time_out_seconds)) {
      job.timed_out = true;
      stop(job);
    }
    if (job.kill_at && now > *job.kill_at) job.process.signal_group(SIGKILL);
  }
}

// Once a second, as often as they change.
void Supervisor::watch_pulses() {
  const auto now = Clock::now();
  const auto since_last = now - looked_;
  if (since_last < std::chrono::seconds(1)) return;
  looked_ = now;
  // All were stopped together (a suspended job or container), for this loop never sleeps so long.
  const bool was_suspended = since_last > std::chrono::seconds(5);
  for (Running& job : running_) {
    if (was_suspended) job.watch.forgive(since_last);
    const std::string& folder = jobs_[job.index].pulse_folder;
    if (folder.empty() || job.kill_at) continue;
    const auto stall = job.watch.look(read_pulses(folder), now);
    if (!stall) continue;
    job.stall = *stall;
    stop(job);
  }
}

void Supervisor::collect() {
  for (auto job = running_.begin(); job != running_.end();) {
    const auto status = job->process.poll();
    if (status) finish(*job, *status);
    job = status ? running_.erase(job) : std::next(job);
  }
}

void Supervisor::finish(Running& job, int wait_status) {
  read_progress(job);
  JobResult& result = results_[job.index];
  result.name = jobs_[job.index].name;
  result.timed_out = job.timed_out;
  result.stall = job.stall;
  result.seconds = std::chrono::duration<double>(Clock::now() - job.started).count();
  if (const std::string& folder = jobs_[job.index].pulse_folder; !folder.empty())
    result.peaks = read_peaks(folder);
  if (WIFEXITED(wait_status) && !job.timed_out && job.stall.empty())
    result.exit_status = WEXITSTATUS(wait_status);
  if (WIFSIGNALED(wait_status)) result.signal = WTERMSIG(wait_status);
  result.sentence = describe(result, jobs_[job.index], options_.time_out_seconds.value_or(0));
  if (options_.on_end) options_.on_end(result);
}

}  // namespace

Interrupted::Interrupted(int signal, const std::string& what)
    : std::runtime_error("interrupted by " + describe_signal(signal) +
                         (what.empty() ? "" : ": " + what)),
      signal_(signal) {}

std::vector<JobResult> run_jobs(const std::vector<Job>& jobs, const SupervisorOptions& options) {
  return Supervisor(jobs, options).run();
}

}  // namespace shardproof
