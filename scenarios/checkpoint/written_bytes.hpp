#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace shardproof {

/// Told how many bytes are written, of how many: before the first, and from time to time. What it
/// throws stops the writing.
using WriteProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Shown what was written, where it lies complete, before it takes the place of what was there.
/// What it throws keeps it from that.
using CheckWritten = std::function<void(const std::string& path)>;

/// Adds up what is written, for whoever wants to be told.
class WrittenBytes {
 public:
  WrittenBytes(const WriteProgress& progress, std::int64_t total)
      : progress_(progress), total_(total) {
    add(0);
  }
  void add(std::size_t bytes) {
    done_ += static_cast<std::int64_t>(bytes);
    if (progress_) progress_(done_, total_);
  }

 private:
  const WriteProgress& progress_;
  std::int64_t total_;
  std::int64_t done_ = 0;
};

}  // namespace shardproof
