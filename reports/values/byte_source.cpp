#include "reports/values/byte_source.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace shardproof::reports {

namespace {

class Zeros : public ByteSource {
 public:
  void read(std::size_t, std::span<std::byte> out) const override {
    std::ranges::fill(out, std::byte{0});
  }
};

class InMemory : public ByteSource {
 public:
  explicit InMemory(Bytes bytes) : bytes_(std::move(bytes)) {}
  void read(std::size_t begin, std::span<std::byte> out) const override {
    std::ranges::copy(std::span(bytes_).subspan(begin, out.size()), out.begin());
  }

 private:
  Bytes bytes_;
};

class Borrowed : public ByteSource {
 public:
  explicit Borrowed(std::span<const std::byte> bytes) : bytes_(bytes) {}
  void read(std::size_t begin, std::span<std::byte> out) const override {
    std::ranges::copy(bytes_.subspan(begin, out.size()), out.begin());
  }

 private:
  std::span<const std::byte> bytes_;
};

class Stored : public ByteSource {
 public:
  Stored(const TraceReader& reader, const StoredDataset& dataset)
      : reader_(reader), dataset_(dataset) {}
  void read(std::size_t begin, std::span<std::byte> out) const override {
    reader_.read_bytes(dataset_, static_cast<std::int64_t>(begin), out);
  }

 private:
  const TraceReader& reader_;
  const StoredDataset& dataset_;
};

// A block is made by the first who reads of it. Others wait for that block alone, so that many
// threads make a tensor together.
class Computed : public ByteSource {
 public:
  Computed(std::size_t size, std::function<void(std::size_t, std::span<std::byte>)> make, Keep keep)
      : size_(size),
        block_(keep == Keep::always ? std::max<std::size_t>(size, 1) : block_bytes),
        keeps_(keep == Keep::always || size <= kept_bytes),
        make_(std::move(make)) {
    if (keeps_) made_ = std::vector<std::once_flag>((size_ + block_ - 1) / block_);
  }

  void read(std::size_t begin, std::span<std::byte> out) const override {
    if (!keeps_) return make_(begin, out);
    if (out.empty()) return;
    std::call_once(allocated_,
                   [this] { kept_ = std::make_unique_for_overwrite<std::byte[]>(size_); });
    for (std::size_t i = begin / block_; i * block_ < begin + out.size(); ++i)
      std::call_once(made_[i], [this, i] {
        const std::size_t first = i * block_;
        make_(first, {kept_.get() + first, std::min(block_, size_ - first)});
      });
    std::copy_n(kept_.get() + begin, out.size(), out.begin());
  }

 private:
  static constexpr std::size_t block_bytes = 1 << 18;  // whole elements, whatever their width

  std::size_t size_, block_;
  bool keeps_;
  std::function<void(std::size_t, std::span<std::byte>)> make_;
  mutable std::once_flag allocated_;
  mutable std::vector<std::once_flag> made_;  // by block
  mutable std::unique_ptr<std::byte[]> kept_;
};

}  // namespace

SharedSource zeros() {
  static const auto all = std::make_shared<Zeros>();
  return all;
}

SharedSource in_memory(Bytes bytes) { return std::make_shared<InMemory>(std::move(bytes)); }

SharedSource borrowed(std::span<const std::byte> bytes) {
  return std::make_shared<Borrowed>(bytes);
}

SharedSource stored(const TraceReader& reader, const StoredDataset& dataset) {
  return std::make_shared<Stored>(reader, dataset);
}

SharedSource computed(std::size_t size, std::function<void(std::size_t, std::span<std::byte>)> make,
                      Keep keep) {
  return std::make_shared<Computed>(size, std::move(make), keep);
}

}  // namespace shardproof::reports
