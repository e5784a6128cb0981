#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

/// A new file, written from begin to end, that lies on the disk when it is closed. Every failure is
/// an EnvironmentError that names the file.
class DurableFile {
 public:
  /// Replaces a file of that name.
  explicit DurableFile(const std::string& path);
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  /// Without it nothing is promised of the file.
  void close();

 private:
  void write_through(std::span<const std::byte> bytes);
  void flush();

  std::string path_;
  FileDescriptor file_;
  std::vector<std::byte> collected_;  // short writes, on their way
};

/// Puts what was created in, renamed in or removed from a folder on the disk.
void sync_folder(const std::string& path);

}  // namespace shardproof
