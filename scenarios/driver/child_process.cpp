#include "scenarios/driver/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "scenarios/errors.hpp"

extern char** environ;

namespace shardproof {

namespace {

[[noreturn]] void fail(const std::string& job, const std::string& call) {
  throw EnvironmentError(job + ": cannot be started: " + call + ": " + std::strerror(errno));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::vector<std::string> environment_of(const Job& job, int progress_fd) {
  struct stat pipe {};
  if (::fstat(progress_fd, &pipe) != 0) fail(job.name, "fstat");
  auto changed = job.environment;
  changed["SHARDPROOF_PROGRESS_FD"] = std::to_string(progress_fd);
  changed["SHARDPROOF_PROGRESS_PIPE"] =
      std::to_string(::getpid()) + ":" + std::to_string(pipe.st_ino);
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!changed.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [name, value] : changed) environment.push_back(name + "=" + value);
  return environment;
}

// What the child does between fork and exec: only calls that are safe there, no allocation.
[[noreturn]] void become(char** command, char** environment, int log, int progress_fd) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // if the supervisor is killed outright
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  if (nothing > STDERR_FILENO) ::close(nothing);
  ::fcntl(progress_fd, F_SETFD, 0);  // this one is inherited
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvpe(command[0], command, environment);
  const char* parts[] = {command[0], ": cannot be executed: ", ::strerror(errno), "\n"};
  for (const char* part : parts) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) break;
  }
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const Job& job) {
  SHARDPROOF_EXPECTS(!job.command.empty(), job.name);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(job.name, "pipe2");
  pipe_read_ = FileDescriptor(ends[0]);
  // Kept open here too: the pipe does not end with the child, as ranks below it may open it later.
  pipe_write_ = FileDescriptor(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const FileDescriptor log(
      ::open(job.log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666));
  if (!log.is_open()) fail(job.name, "open " + job.log_file);
  // Its last words fit, however full it makes the disk. Not every file system can promise that.
  static_cast<void>(::fallocate(log.get(), FALLOC_FL_KEEP_SIZE, 0, 1 << 14));
  std::vector<std::string> command = job.command;
  std::vector<std::string> environment = environment_of(job, pipe_write_.get());
  const auto command_pointers = pointers(command), environment_pointers = pointers(environment);
  pid_ = ::fork();
  if (pid_ < 0) fail(job.name, "fork");
  if (pid_ == 0) {
    become(const_cast<char**>(command_pointers.data()),
           const_cast<char**>(environment_pointers.data()), log.get(), pipe_write_.get());
  }
  ::setpgid(pid_, pid_);  // also here: whoever comes first
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pipe_read_(std::move(other.pipe_read_)),
      pipe_write_(std::move(other.pipe_write_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  signal_group(SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<int> ChildProcess::poll() {
  int status = 0;
  if (pid_ < 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  // What the leader left behind in its group would go on writing to the results.
  ::kill(-pid_, SIGKILL);
  pid_ = -1;
  return status;
}

void ChildProcess::signal_group(int signal) const {
  if (pid_ > 0) ::kill(-pid_, signal);
}

}  // namespace shardproof
