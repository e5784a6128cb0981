#include "scenarios/checkpoint/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

MappedFile::MappedFile(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  void* mapped = MAP_FAILED;
  if (file.is_open() && ::fstat(file.get(), &status) == 0) {
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ == 0) return;
    mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  }
  if (mapped == MAP_FAILED)
    throw EnvironmentError(path + ": cannot be read: " + std::strerror(errno));
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace shardproof
