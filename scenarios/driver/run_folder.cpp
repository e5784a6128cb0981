#include "scenarios/driver/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

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

}  // namespace

RunFolder::RunFolder(const std::string& out, const std::string& name)
    : final_path_(out + "/" + name),
      path_(FolderReplacement::part_of(final_path_)),
      lock_path_(out + "/." + name + ".lock"),
      replacement_(final_path_,
                   {.marker = ".shardproof-results", .what = "results of shardproof"}) {
  expect_file_name(name);
  expect_no_file_above(out);
  std::error_code error;
  fs::create_directories(out, error);
  if (error) throw EnvironmentError(out + ": cannot be created: " + error.message());
  lock_ = take_lock(lock_path_, final_path_);
  try {
    replacement_.begin("results of shardproof; replaced by the next run\n");
  } catch (...) {
    ::unlink(lock_path_.c_str());
    throw;
  }
}

RunFolder::~RunFolder() { ::unlink(lock_path_.c_str()); }

void RunFolder::put_in_place() {
  SHARDPROOF_EXPECTS(path_ != final_path_, path_);
  replacement_.put_in_place();
  path_ = final_path_;
}

}  // namespace shardproof
