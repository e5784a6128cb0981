#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "real/device.hpp"
#include "scenarios/plan/placement.hpp"
#include "scenarios/types.hpp"

namespace shardproof::real {

/// One collective, as every member of its group must issue it.
///
///   all_reduce_sum   N elements -> N: the sum over the group in the pinned order, each addition
///                    rounded to `wire`; the same bits on every member
///   all_reduce_max   N elements -> N: the largest; NaN if any member has NaN there
///   all_gather       N elements -> group size * N: the inputs in group-rank order
///
/// Input and output are of one dtype; `wire` is the one in which values travel and are added (they
/// differ only where a policy or a planted defect says so). N = 0 is legal and still synchronises.
/// The tensors lie in the memory of the rank's device, and the collective is work of `stream`.
struct CollectiveRequest {
  enum class Kind { all_reduce_sum, all_reduce_max, all_gather };
  Kind kind = Kind::all_reduce_sum;
  Axis axis = Axis::tp;
  Dtype wire = Dtype::fp32;
  TensorView input;    // must stay unchanged until complete
  TensorView output;   // may not be read before complete; may not overlap input
  std::string origin;  // the op's name, for reports of mismatches
  /// Elements that are added in rank order, whatever the order of the others: a sum of these does
  /// not depend on where in the buffer they lie (docs/decisions/0009).
  std::vector<Stretch> in_rank_order = {};
  Stream stream = Stream::communication;

  Dtype dtype() const { return input.dtype; }
};

const char* name_of(CollectiveRequest::Kind kind);

/// One rank's side of the collectives of its TP and DP groups.
///
/// start() announces a collective and returns at once; try_complete() returns true when its output
/// is there for whoever comes after what start() asked the request's stream for, false when it
/// needs other ranks to advance first (a single-threaded cluster), and may block instead of
/// returning false where the other ranks are processes of their own. Collectives of one axis
/// complete in the order in which they were started. Errors of transport are EnvironmentErrors.
class Communicator {
 public:
  using Ticket = std::int64_t;
  virtual ~Communicator() = default;
  virtual Ticket start(const CollectiveRequest& request) = 0;
  virtual bool try_complete(Ticket ticket) = 0;
};

}  // namespace shardproof::real
