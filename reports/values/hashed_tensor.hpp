#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <vector>

#include "reports/values/tensor_view.hpp"
#include "reports/values/work.hpp"

namespace shardproof::reports {

/// The hash of a tensor (scenarios/trace/tensor_hash.hpp), made part by part.
class Hashing : public Work {
 public:
  explicit Hashing(SharedTensor tensor);
  std::size_t parts() const override;
  void run(std::size_t part) override;
  /// When all parts are done. Throws the InvariantError of the first that could not be made.
  std::uint64_t hash() const;

 private:
  SharedTensor tensor_;
  std::vector<std::uint64_t> blocks_;
  std::vector<std::exception_ptr> errors_;  // by part
};

/// The same, made here.
std::uint64_t hash_of(SharedTensor tensor);

/// A recorded dataset, seen to match the hash that its trace gives it: throws what
/// TraceReader::check() throws.
class Confirming : public Work {
 public:
  Confirming(const TraceReader& reader, const StoredDataset& dataset);
  std::size_t parts() const override;
  void run(std::size_t part) override;

 private:
  const TraceReader& reader_;
  const StoredDataset& dataset_;
  Hashing hashing_;
  std::atomic<std::size_t> left_;
};

}  // namespace shardproof::reports
