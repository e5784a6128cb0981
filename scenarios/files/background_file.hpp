#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace shardproof {

/// A file that another has created, into which a thread writes while its owner goes on. All such
/// files of a process share this thread, which begins when a MiB waits, and 16 MiB of memory for
/// what waits: whoever brings more writes until there is room. So a short file needs no thread.
///
///     BackgroundFile file("a.bin");
///     file.write(4096, bytes);
///     bytes[0] = ...
///     file.finish();
///
/// What is brought before all is written must not overlap. What could not be written is told by the
/// next call (an EnvironmentError: write_failure.hpp).
class BackgroundFile {
 public:
  /// Puts in place what follows on the bytes that it was asked for before.
  using Fill = std::function<void(std::span<std::byte> part)>;

  explicit BackgroundFile(const std::string& path);
  /// What has been brought is still written, if it can be.
  ~BackgroundFile();
  BackgroundFile(const BackgroundFile&) = delete;
  BackgroundFile& operator=(const BackgroundFile&) = delete;

  /// The caller may change the bytes when it returns.
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Takes `size` bytes from `fill`, in order and in parts, to be written at `offset`. The parts
  /// are multiples of 64 KiB, but for the last.
  void write(std::uint64_t offset, std::size_t size, const Fill& fill);
  /// Returns when all is written.
  void finish();

 private:
  struct Target;
  class Queue;

  void expect_no_error() const;

  std::unique_ptr<Target> target_;
  std::shared_ptr<Queue> queue_;  // of all files
};

}  // namespace shardproof
