#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

/// A file whose bytes are read where they lie. Any number of threads may read at once.
class ReadOnlyFile {
 public:
  /// Throws EnvironmentError.
  explicit ReadOnlyFile(const std::string& path);
  /// Fills `out` from a place on; false if the file ends before. Throws EnvironmentError.
  bool read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  std::string path_;
  FileDescriptor descriptor_;
};

}  // namespace shardproof
