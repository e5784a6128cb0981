#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "scenarios/errors.hpp"

namespace shardproof::tests {

/// An empty folder that goes, with all in it, at the end of its scope.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "shardproof-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw EnvironmentError("mkdtemp: " + name);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace shardproof::tests
