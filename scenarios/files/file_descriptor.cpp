#include "scenarios/files/file_descriptor.hpp"

#include <unistd.h>

namespace shardproof {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace shardproof
