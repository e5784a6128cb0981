#pragma once

#include <memory>
#include <string>
#include <vector>

#include "scenarios/shape.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// A full tensor put together from what the ranks recorded.
struct AssembledTensor {
  Shape shape;
  Dtype dtype = Dtype::fp64;
  std::vector<double> values;    // decoded, exact
  std::vector<std::byte> bytes;  // as stored
  std::string problem;           // empty, or why there is no such tensor: missing, not covered
};

/// The tensor `path` as rank `seen_by` sees it. Of ranks that hold the same elements it takes
///   its own copy, if it has one; else that of the lowest rank with the same TP index (its replica
///   in another DP group member); else that of the lowest rank.
/// Replicas that are equal in bits make one tensor for everybody.
AssembledTensor assemble(const TraceReader& reader, const std::string& path, int seen_by);

/// Which copies `assemble` takes: the regions of each and its hash. Equal keys mean equal tensors.
std::string assembly_key(const TraceReader& reader, const std::string& path, int seen_by);

}  // namespace shardproof::reports
