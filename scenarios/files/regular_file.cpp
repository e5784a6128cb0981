#include "scenarios/files/regular_file.hpp"

#include <filesystem>

#include "scenarios/errors.hpp"

namespace shardproof {

void expect_regular_file(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code unreadable;
  const fs::file_status status = fs::status(path, unreadable);
  if (fs::is_other(status))
    throw ScenarioError({path}, "is a pipe, a device or a socket; give a regular file");
}

}  // namespace shardproof
