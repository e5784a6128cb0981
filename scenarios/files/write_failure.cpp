#include "scenarios/files/write_failure.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "scenarios/readable_bytes.hpp"

namespace shardproof {

namespace {

std::string size_of(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return "";
  return "; the file has " + readable_bytes(static_cast<std::uint64_t>(file.st_size));
}

// Of a file that could not be created, its folder knows.
std::string left_on_disk(const std::string& path) {
  struct statvfs space {};
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  if (::statvfs(folder.c_str(), &space) != 0) return "";
  if (space.f_files > 0 && space.f_favail == 0) return "; no more files can be created there";
  return "; " + readable_bytes(std::uint64_t{space.f_bavail} * space.f_frsize) + " are left there";
}

std::string largest_allowed() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "";
  return "; ulimit -f allows " + readable_bytes(limit.rlim_cur);
}

}  // namespace

bool is_lack_of_space(int error) { return error == ENOSPC || error == EFBIG || error == EDQUOT; }

EnvironmentError write_failure(const std::string& path, const std::string& what, int error) {
  std::string text = path + ": " + what;
  if (error != 0) text += std::string(": ") + std::strerror(error);
  if (is_lack_of_space(error)) text += size_of(path);
  if (error == ENOSPC) text += left_on_disk(path);
  if (error == EFBIG) text += largest_allowed();
  return EnvironmentError(text);
}

}  // namespace shardproof
