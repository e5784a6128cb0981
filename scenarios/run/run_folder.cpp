#include "scenarios/run/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

// Tells a folder of results from one that a user happens to have under the same name.
constexpr const char* marker = ".shardproof-results";

void expect_file_name(const std::string& name) {
  const bool bad = name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
                   name.ends_with(".part") || name.ends_with(".old");
  if (bad) {
    throw ScenarioError("\"" + name +
                        "\" cannot name a folder of results: no '/', no leading '.', and neither "
                        ".part nor .old at the end");
  }
}

// The nearest existing ancestor of the output folder must be a folder.
void expect_no_file_above(const fs::path& out) {
  if (out.empty()) throw ScenarioError("--out: the path is empty");
  for (fs::path path = fs::absolute(out); !path.empty(); path = path.parent_path()) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status) || path == path.root_path()) return;
    if (fs::exists(status)) {
      throw ScenarioError(path.string() + ": is a file; results cannot be written below it");
    }
  }
}

void check(const std::error_code& error, const std::string& path, const std::string& what) {
  if (error) throw EnvironmentError(path + ": " + what + ": " + error.message());
}

void expect_replaceable(const std::string& path) {
  if (!fs::exists(fs::symlink_status(path))) return;
  if (!fs::is_directory(path)) throw ScenarioError(path + ": is a file, not a folder of results");
  if (fs::exists(path + "/" + marker) || fs::is_empty(path)) return;
  throw ScenarioError(path +
                      ": exists and holds no results of shardproof: it is not replaced; "
                      "choose another --out");
}

void remove(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  check(error, path, "cannot be removed");
}

void rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(error, from, "cannot be renamed to " + to);
}

// Takes the lock file, or throws. Its holder removes the file, so the file that was locked may be
// gone from its path by then: look again.
FileDescriptor take_lock(const std::string& path, const std::string& results) {
  for (;;) {
    FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!lock.is_open()) {
      throw EnvironmentError(path + ": cannot be created: " + std::strerror(errno));
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        throw ScenarioError(results +
                            ": another run is writing these results; wait for it, or "
                            "choose another --out");
      }
      throw EnvironmentError(path + ": cannot be locked: " + std::strerror(errno));
    }
    struct stat locked {
    }, present{};
    if (::fstat(lock.get(), &locked) == 0 && ::stat(path.c_str(), &present) == 0 &&
        locked.st_ino == present.st_ino) {
      return lock;
    }
  }
}

// A run that was killed while it put its results in place has moved the old ones away only.
void finish_interrupted_replacement(const std::string& path) {
  const std::string old = path + ".old";
  if (!fs::exists(old + "/" + marker)) return;
  if (fs::exists(path)) {
    remove(old);
  } else {
    rename(old, path);
  }
}

}  // namespace

RunFolder::RunFolder(const std::string& out, const std::string& name) {
  expect_file_name(name);
  expect_no_file_above(out);
  final_path_ = out + "/" + name;
  path_ = final_path_ + ".part";
  lock_path_ = out + "/." + name + ".lock";
  std::error_code error;
  fs::create_directories(out, error);
  check(error, out, "cannot be created");
  lock_ = take_lock(lock_path_, final_path_);
  try {
    finish_interrupted_replacement(final_path_);
    for (const auto& path : {final_path_, path_, final_path_ + ".old"}) expect_replaceable(path);
    remove(path_);
    fs::create_directory(path_, error);
    check(error, path_, "cannot be created");
    if (!(std::ofstream(file(marker)) << "results of shardproof; replaced by the next run\n")) {
      throw EnvironmentError(file(marker) + ": cannot be written");
    }
  } catch (...) {
    ::unlink(lock_path_.c_str());
    throw;
  }
}

RunFolder::~RunFolder() { ::unlink(lock_path_.c_str()); }

void RunFolder::put_in_place() {
  SHARDPROOF_EXPECTS(path_ != final_path_, path_);
  const std::string old = final_path_ + ".old";
  remove(old);
  if (fs::exists(final_path_)) rename(final_path_, old);
  rename(path_, final_path_);
  path_ = final_path_;
  remove(old);
}

}  // namespace shardproof
