#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace shardproof {

/// The bytes of a file, to be read where they lie. The file must not shrink meanwhile.
class MappedFile {
 public:
  /// Throws EnvironmentError if the file cannot be mapped.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace shardproof
