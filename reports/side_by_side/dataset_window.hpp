#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// A window on the stored elements of a dataset, which moves along for who goes through them in
/// order: no short piece costs a call of the system, and none is read twice. Nothing compares them
/// with their hash (TraceReader::check does).
class DatasetWindow {
 public:
  /// Reads at least so many bytes at a time.
  DatasetWindow(const TraceReader& reader, const StoredDataset& stored, std::size_t bytes_at_once);
  /// The bytes of the elements [begin, begin + count), until the next call.
  std::span<const std::byte> at(std::int64_t begin, std::int64_t count);

 private:
  const TraceReader* reader_;
  const StoredDataset* stored_;
  std::int64_t size_;                   // bytes of an element
  std::int64_t elements_;               // of the dataset
  std::int64_t at_once_;                // elements
  std::int64_t begin_ = 0, count_ = 0;  // that are kept
  std::vector<std::byte> kept_;
};

}  // namespace shardproof::reports
