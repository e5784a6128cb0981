#include "reports/values/hashed_tensor.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {
constexpr std::size_t blocks_at_once = 16;
}

Hashing::Hashing(SharedTensor tensor)
    : tensor_(std::move(tensor)),
      blocks_((tensor_->bytes() + hash_block_bytes - 1) / hash_block_bytes) {
  errors_.resize(parts());
}

std::size_t Hashing::parts() const {
  return (blocks_.size() + blocks_at_once - 1) / blocks_at_once;
}

void Hashing::run(std::size_t part) {
  const std::size_t first = part * blocks_at_once, begin = first * hash_block_bytes;
  const std::size_t size = std::min(blocks_at_once * hash_block_bytes, tensor_->bytes() - begin);
  static thread_local Bytes bytes;
  bytes.resize(size);
  try {
    tensor_->read_range(static_cast<std::int64_t>(begin / size_bytes(tensor_->dtype())), bytes);
  } catch (const InvariantError&) {
    errors_[part] = std::current_exception();
    return;
  }
  std::ranges::copy(block_hashes(bytes), blocks_.begin() + static_cast<std::ptrdiff_t>(first));
}

std::uint64_t Hashing::hash() const {
  for (const std::exception_ptr& error : errors_)
    if (error) std::rethrow_exception(error);
  return hash_of_blocks(blocks_);
}

std::uint64_t hash_of(SharedTensor tensor) {
  const auto hashing = std::make_shared<Hashing>(std::move(tensor));
  run_parts(hashing);
  return hashing->hash();
}

Confirming::Confirming(const TraceReader& reader, const StoredDataset& dataset)
    : reader_(reader),
      dataset_(dataset),
      hashing_(stored_tensor(reader, dataset)),
      left_(hashing_.parts()) {}

// One part at least: a dataset without elements has a type and a shape.
std::size_t Confirming::parts() const { return std::max<std::size_t>(hashing_.parts(), 1); }

// Who does the last part has the whole hash.
void Confirming::run(std::size_t part) {
  if (hashing_.parts() == 0) return reader_.check(dataset_);
  hashing_.run(part);
  if (--left_ == 0) reader_.confirm(dataset_, hashing_.hash());
}

}  // namespace shardproof::reports
