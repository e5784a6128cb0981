#include "scenarios/files/durable_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "scenarios/files/write_failure.hpp"

namespace shardproof {

namespace {

constexpr std::size_t kShort = std::size_t{1} << 16;      // bytes that are collected
constexpr std::size_t kCollected = std::size_t{1} << 20;  // before they are written
constexpr std::size_t kLongest = std::size_t{1} << 30;    // of one call of write(2)

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw write_failure(path, what, errno);
}

}  // namespace

DurableFile::DurableFile(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  if (!file_.is_open()) fail(path_, "cannot be created");
  collected_.reserve(kCollected);
}

void DurableFile::write(std::span<const std::byte> bytes) {
  if (bytes.size() > kShort || collected_.size() + bytes.size() > kCollected) flush();
  if (bytes.size() > kShort)
    write_through(bytes);
  else
    collected_.insert(collected_.end(), bytes.begin(), bytes.end());
}

void DurableFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text.data(), text.size())));
}

void DurableFile::flush() {
  write_through(collected_);
  collected_.clear();
}

void DurableFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), std::min(bytes.size(), kLongest));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path_, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void DurableFile::close() {
  flush();
  if (::fsync(file_.get()) != 0) fail(path_, "cannot be written to the disk");
  file_ = FileDescriptor();
}

void sync_folder(const std::string& path) {
  const FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) fail(path, "cannot be opened");
  if (::fsync(folder.get()) != 0) fail(path, "cannot be written to the disk");
}

}  // namespace shardproof
