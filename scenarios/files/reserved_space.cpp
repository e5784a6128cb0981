#include "scenarios/files/reserved_space.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "scenarios/files/file_descriptor.hpp"

namespace shardproof {

ReservedSpace::ReservedSpace(std::string path, std::int64_t bytes) : path_(std::move(path)) {
  const FileDescriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!file.is_open() || ::fallocate(file.get(), 0, 0, bytes) != 0) release();
}

void ReservedSpace::release() {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace shardproof
