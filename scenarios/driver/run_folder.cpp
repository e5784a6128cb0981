#include "scenarios/driver/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

namespace fs = std::filesystem;

namespace {

constexpr const char* undecided = ".undecided";

bool is_decided(int exit_code) { return exit_code == 0 || exit_code == 1; }

// Whether a verdict lies there; what cannot be read holds none.
bool holds_verdict(const std::string& results) {
  const std::string file = results + "/summary.json";
  if (!fs::is_regular_file(file)) return false;
  try {
    const JsonValue summary = read_json(file);
    const JsonValue* exit_code = summary.find("exit_code");
    return exit_code != nullptr && exit_code->is_number() &&
           is_decided(static_cast<int>(exit_code->integer));
  } catch (const ScenarioError&) {
    return false;
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

void expect_results_name(const std::string& name) {
  const bool bad = name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
                   name.ends_with(".part") || name.ends_with(".old") || name.ends_with(undecided);
  if (bad) {
    throw ScenarioError("\"" + name +
                        "\" cannot name a folder of results: no '/', no leading '.', and none of "
                        ".part, .old and .undecided at the end");
  }
  // Of a file's name; the longest that is made of it is that of the folder beside.
  constexpr std::size_t longest = 255;
  if (name.size() + std::string(undecided).size() > longest)
    throw ScenarioError("\"" + name.substr(0, 40) + "...\" cannot name a folder of results: " +
                        std::to_string(name.size()) + " bytes are too long for a file system");
}

RunFolder::RunFolder(const std::string& out, const std::string& name)
    : final_path_(out + "/" + name),
      path_(FolderReplacement::part_of(final_path_)),
      lock_path_(out + "/." + name + ".lock"),
      replacement_(final_path_,
                   {.marker = ".shardproof-results", .what = "results of shardproof"}) {
  expect_results_name(name);
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

void RunFolder::put_in_place(int exit_code) {
  SHARDPROOF_EXPECTS(path_ == FolderReplacement::part_of(final_path_), path_);
  path_ = place_of_results(final_path_, exit_code);
  if (path_ == final_path_)
    replacement_.put_in_place();
  else
    replacement_.put_beside(path_);
}

std::string place_of_results(const std::string& final_path, int exit_code) {
  return !is_decided(exit_code) && holds_verdict(final_path) ? final_path + undecided : final_path;
}

}  // namespace shardproof
