#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "scenarios/shape.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// A box of a tensor, inside a region that some rank stored.
struct StoredBox {
  Region box;
  const StoredDataset* stored = nullptr;
  Region region;            // one of the dataset's
  std::int64_t before = 0;  // elements of the regions before it
};

/// What the ranks of a trace have of a tensor.
struct TensorParts {
  const TraceReader* trace = nullptr;
  std::vector<StoredBox> boxes = {};  // each element once, from the lowest rank that has it
  std::string problem = {};           // why it is no tensor; then there may be no boxes
  bool replicas_differ = false;
};

/// Holds each part against its hash. Replicas must agree: which would be the tensor?
TensorParts parts_of(const TraceReader& trace, const std::vector<StoredDataset>& stored);

/// Whether the same elements are there, of two tensors of one shape.
bool have_same_elements(const TensorParts& a, const TensorParts& b);

/// Whether elements that both have are equal in bits, of one dtype. Where both are cut alike their
/// hashes tell.
bool have_same_bits(const TensorParts& a, const TensorParts& b);

/// Elements that follow on each other in both of two tensors, a few at a time: those of `box` from
/// its element `first` on, row-major.
struct Alike {
  const Region& box;
  std::int64_t first = 0;
  std::span<const std::byte> a, b;
};
/// Calls `visit` with all elements that both have, until it returns false. Each is read once or
/// little more, and a few MiB of them are held.
void for_each_alike(const TensorParts& a, const TensorParts& b,
                    const std::function<bool(const Alike&)>& visit);

}  // namespace shardproof::reports
