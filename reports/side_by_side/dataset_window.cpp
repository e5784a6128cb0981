#include "reports/side_by_side/dataset_window.hpp"

#include <algorithm>

namespace shardproof::reports {

DatasetWindow::DatasetWindow(const TraceReader& reader, const StoredDataset& stored,
                             std::size_t bytes_at_once)
    : reader_(&reader),
      stored_(&stored),
      size_(static_cast<std::int64_t>(size_bytes(stored.info.dtype))),
      elements_(element_count(std::span(stored.info.regions))),
      at_once_(static_cast<std::int64_t>(bytes_at_once) / size_) {}

std::span<const std::byte> DatasetWindow::at(std::int64_t begin, std::int64_t count) {
  if (begin < begin_ || begin + count > begin_ + count_) {
    begin_ = begin;
    count_ = std::max(count, std::min(at_once_, elements_ - begin));
    const auto bytes = static_cast<std::size_t>(count_ * size_);
    if (kept_.size() < bytes) kept_.resize(bytes);
    reader_->read_bytes(*stored_, begin_ * size_, std::span(kept_).first(bytes));
  }
  return std::span(kept_).subspan(static_cast<std::size_t>((begin - begin_) * size_),
                                  static_cast<std::size_t>(count * size_));
}

}  // namespace shardproof::reports
