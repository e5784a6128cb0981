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

class Computed : public ByteSource {
 public:
  Computed(std::size_t size, std::function<void(std::size_t, std::span<std::byte>)> make, Keep keep)
      : size_(size), keeps_(keep == Keep::always || size <= kept_bytes), make_(std::move(make)) {}
  void read(std::size_t begin, std::span<std::byte> out) const override {
    if (!keeps_) return make_(begin, out);
    std::call_once(once_, [this] {
      kept_.resize(size_);
      make_(0, kept_);
    });
    std::ranges::copy(std::span(kept_).subspan(begin, out.size()), out.begin());
  }

 private:
  std::size_t size_;
  bool keeps_;
  std::function<void(std::size_t, std::span<std::byte>)> make_;
  mutable std::once_flag once_;
  mutable Bytes kept_;
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
