#include "scenarios/driver/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "scenarios/errors.hpp"
#include "scenarios/files/folder_replacement.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* ending = ".lock";

// Whoever only looks whether a lock is held holds it for a moment: that is waited for.
bool lock_now_or_soon(int fd) {
  constexpr int tries = 5;
  for (int i = 0; i < tries; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  errno = EWOULDBLOCK;
  return false;
}

// Its holder removes the file: the one that was locked may be gone from its path by then.
bool is_still_at(const std::string& path, int fd) {
  struct stat locked {
  }, present{};
  return ::fstat(fd, &locked) == 0 && ::stat(path.c_str(), &present) == 0 &&
         locked.st_ino == present.st_ino;
}

FileDescriptor take_lock(const std::string& path, const std::string& results) {
  for (;;) {
    FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!lock.is_open())
      throw EnvironmentError(path + ": cannot be created: " + std::strerror(errno));
    if (!lock_now_or_soon(lock.get())) {
      if (errno != EWOULDBLOCK)
        throw EnvironmentError(path + ": cannot be locked: " + std::strerror(errno));
      throw ScenarioError(results +
                          ": another run is writing these results; wait for it, or choose "
                          "another --out");
    }
    if (is_still_at(path, lock.get())) return lock;
  }
}

// Whether it is ".NAME.lock" beside a folder of results, and not some other program's.
bool is_our_lock(const fs::directory_entry& entry) {
  const std::string file = entry.path().filename().string();
  if (!file.starts_with('.') || !file.ends_with(ending)) return false;
  std::error_code unreadable;  // somebody else's, perhaps
  if (!entry.is_regular_file(unreadable)) return false;
  const std::string name = file.substr(1, file.size() - 1 - std::strlen(ending));
  const std::string results = (entry.path().parent_path() / name).string();
  return fs::exists(results + "/" + results_marker, unreadable) ||
         fs::exists(FolderReplacement::part_of(results) + "/" + results_marker, unreadable);
}

void remove_if_stale(const std::string& path) {
  const FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (lock.is_open() && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 &&
      is_still_at(path, lock.get()))
    ::unlink(path.c_str());
}

}  // namespace

std::string lock_path(const std::string& out, const std::string& name) {
  return out + "/." + name + ending;
}

RunLock::RunLock(const std::string& out, const std::string& name)
    : path_(lock_path(out, name)), lock_(take_lock(path_, out + "/" + name)) {}

RunLock::~RunLock() { ::unlink(path_.c_str()); }

bool lock_is_held(const std::string& path) {
  const FileDescriptor lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock.is_open()) return errno != ENOENT;
  return ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

std::vector<std::string> lock_files(const std::string& out) {
  std::vector<std::string> locks;
  std::error_code error;
  for (fs::directory_iterator entry(out, error), end; entry != end && !error;
       entry.increment(error))
    if (is_our_lock(*entry)) locks.push_back(entry->path().string());
  return locks;
}

void remove_stale_locks(const std::string& out) {
  for (const std::string& lock : lock_files(out)) remove_if_stale(lock);
}

}  // namespace shardproof
