#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reference/units/unit.hpp"
#include "reports/values/tensor_view.hpp"
#include "scenarios/shape.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// A full tensor as it lies with the ranks that recorded it: nothing is read yet.
struct AssembledView {
  SharedTensor elements;                     // nullptr if there is no such tensor
  std::vector<const StoredDataset*> copies;  // that it is made of
  std::string problem;                       // empty, or why there is none: missing, not covered
  std::int64_t absent = 0;                   // elements that need not be there, and are zero
};

/// A full tensor put together from what the ranks recorded.
struct AssembledTensor {
  Shape shape;
  Dtype dtype = Dtype::fp64;
  std::vector<double> values;    // decoded, exact
  std::vector<std::byte> bytes;  // as stored
  std::string problem;           // empty, or why there is no such tensor: missing, not covered
  std::int64_t absent = 0;       // elements that need not be there, and are zero
};

/// The tensor `path` as rank `seen_by` sees it, its bytes not yet compared with their hash. Of
/// ranks that hold the same elements it takes
///   its own copy, if it has one; else that of the lowest rank with the same TP index (its replica
///   in another DP group member); else that of the lowest rank.
/// Replicas that are equal in bits make one tensor for everybody.
AssembledView assembled_view(const TraceReader& reader, const std::string& path, int seen_by);
/// The same, read.
AssembledTensor assemble(const TraceReader& reader, const std::string& path, int seen_by);

/// The same of a tensor of which only those rows must be there, no more and no fewer, that the
/// recorded choice of experts says: the others are zero.
AssembledView assembled_rows(const TraceReader& reader, const std::string& path,
                             const reference::RoutedRows& rows, int seen_by);

/// The rows of a tensor of `shape` that nobody has, by the recorded choice of experts as rank
/// `seen_by` sees it; nothing if no choice is recorded.
std::optional<std::vector<Region>> absent_rows(const TraceReader& reader, const Shape& shape,
                                               const reference::RoutedRows& rows, int seen_by);

/// Which copies `assemble` takes: the regions of each and its hash. Equal keys mean equal tensors.
std::string assembly_key(const TraceReader& reader, const std::string& path, int seen_by);
std::string assembly_key(const std::vector<const StoredDataset*>& copies);

}  // namespace shardproof::reports
