#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "scenarios/driver/supervisor.hpp"
#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

/// A started job: the leader of a new process group, with its output in the log and a progress
/// pipe. It is killed and waited for if it is still running when the object goes: no zombie is
/// left.
class ChildProcess {
 public:
  /// Throws EnvironmentError. A command that cannot be executed shows as exit status 127, with the
  /// reason in the log.
  explicit ChildProcess(const Job& job);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  /// The wait status, once it has ended.
  std::optional<int> poll();
  /// Sends a signal to the whole group.
  void signal_group(int signal) const;
  /// The reading end of its progress pipe; does not block.
  int progress_fd() const { return pipe_read_.get(); }

 private:
  pid_t pid_ = -1;
  FileDescriptor pipe_read_, pipe_write_;
};

}  // namespace shardproof
