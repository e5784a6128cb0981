#pragma once

#include <string>
#include <vector>

#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

/// The file that tells a folder of results from any other.
constexpr const char* results_marker = ".shardproof-results";

/// Held while results are written: OUT/.NAME.lock, which goes with it. It is the system that holds
/// the lock, for as long as the process lives: a killed run leaves the file, and nothing that
/// anybody would have to wait for.
class RunLock {
 public:
  /// Throws ScenarioError if another run holds it, EnvironmentError if the file system refuses.
  RunLock(const std::string& out, const std::string& name);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::string path_;
  FileDescriptor lock_;
};

/// OUT/.NAME.lock.
std::string lock_path(const std::string& out, const std::string& name);

/// Whether a process holds the lock, here or, where the file system knows, on another machine. True
/// also if that cannot be found out; false if there is no such file.
bool lock_is_held(const std::string& path);

/// The lock files in a folder of results: of a NAME whose results, finished or not, lie there too.
std::vector<std::string> lock_files(const std::string& out);
/// Removes those that killed runs have left, which nobody holds.
void remove_stale_locks(const std::string& out);

}  // namespace shardproof
