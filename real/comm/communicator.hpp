#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "scenarios/dtype.hpp"
#include "scenarios/types.hpp"

namespace shardproof::real {

/// One collective, as every member of its group must issue it.
///
/// | kind           | input            | output |
/// |----------------|------------------|-----------------------------------------------------------|
/// | all_reduce_sum | N elements       | N: the sum over the group in the pinned order, each | | |
/// | addition rounded to `wire`; the same bits on every member | | all_reduce_max | N elements | N:
/// the largest; NaN if any member has NaN there           | | all_gather     | N elements       |
/// group size * N: the inputs in group-rank order            |
///
/// `dtype` is that of input and output; `wire` the one in which values travel and are added (they
/// differ only where a policy or a planted defect says so). N = 0 is legal and still synchronises.
struct CollectiveRequest {
  enum class Kind { all_reduce_sum, all_reduce_max, all_gather };
  Kind kind = Kind::all_reduce_sum;
  Axis axis = Axis::tp;
  Dtype dtype = Dtype::fp32;
  Dtype wire = Dtype::fp32;
  std::span<const std::byte> input;  // must stay unchanged until complete
  std::span<std::byte> output;       // may not be read before complete; may not overlap input
  std::string origin;                // the op's name, for reports of mismatches
};

const char* name_of(CollectiveRequest::Kind kind);

/// One rank's side of the collectives of its TP and DP groups.
///
/// start() announces a collective and returns at once; try_complete() returns true when its output
/// is there, false when it needs other ranks to advance first (a single-threaded cluster), and may
/// block instead of returning false where the other ranks are processes of their own. Collectives
/// of one axis complete in the order in which they were started. Errors of transport are
/// EnvironmentErrors.
class Communicator {
 public:
  using Ticket = std::int64_t;
  virtual ~Communicator() = default;
  virtual Ticket start(const CollectiveRequest& request) = 0;
  virtual bool try_complete(Ticket ticket) = 0;
};

}  // namespace shardproof::real
