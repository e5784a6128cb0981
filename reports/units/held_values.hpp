#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reports/units/op_on_rank.hpp"
#include "reports/units/unit_walk.hpp"

namespace shardproof::reports {

using Bytes = std::vector<std::byte>;
using SharedBytes = std::shared_ptr<const Bytes>;

/// What the values of every rank hold as the walk comes by: the bytes that were last written, and
/// who wrote them. Nothing is known of the bytes where they were not as they must be.
///
/// Reading from it is the checks `edges` (bytes read = bytes written) and `continuity` (the same of
/// state, from one step to the next).
class HeldValues {
 public:
  HeldValues(int world, WalkFindings& findings)
      : held_(static_cast<std::size_t>(world)), findings_(findings) {}

  /// The bytes of what an op reads, in order; nullptr where they are not known. A wait reads
  /// nothing.
  std::vector<SharedBytes> read(const OpOnRank& at);
  /// Takes what the trace says was written: stored bytes, which must have the logged hash. Returns
  /// them; nullptr if they are not stored, or not as they must be.
  SharedBytes accept(const OpOnRank& at, std::size_t output);
  /// From now on an output holds these bytes, which are known to have the logged hash.
  void know(const OpOnRank& at, std::size_t output, const Bytes& bytes);

 private:
  struct Held {
    std::uint64_t hash = 0;
    SharedBytes bytes;
    Moment written;
    std::string writer;
    Phase phase = Phase::data;  // of the writer
  };
  using OfRank = std::map<ValueId, Held>;

  OfRank& of(const OpOnRank& at) { return held_[static_cast<std::size_t>(at.rank)]; }
  SharedBytes read(const OpOnRank& at, const AccessRecord& access);
  void report_edge(const OpOnRank& at, const AccessRecord& access, const Held* held, Tally& tally);

  std::vector<OfRank> held_;
  WalkFindings& findings_;
};

}  // namespace shardproof::reports
