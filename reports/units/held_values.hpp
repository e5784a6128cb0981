#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reports/units/batch.hpp"
#include "reports/units/op_on_rank.hpp"
#include "reports/units/unit_walk.hpp"

namespace shardproof::reports {

/// A value as somebody wrote it. Its bytes are those that the log tells of if they have the logged
/// hash; that is known when the batch is finished, and the op that wrote them is finished.
struct HeldTensor {
  SharedTensor elements;
  std::uint64_t hash = 0;              // by the log
  std::shared_ptr<const Claim> claim;  // nullptr: a dataset, whose own hash is the logged one

  bool is_good() const { return claim == nullptr || claim->holds(); }
};
using SharedHeld = std::shared_ptr<const HeldTensor>;

/// What the values of every rank hold as the walk comes by: where the bytes lie that were last
/// written, and who wrote them. It holds no bytes itself. Nothing is known of them where they were
/// not as they must be.
///
/// Reading from it is the checks `edges` (bytes read = bytes written) and `continuity` (the same of
/// state, from one step to the next).
class HeldValues {
 public:
  HeldValues(const Scenario& scenario, int world, WalkFindings& findings, Batch& batch)
      : scenario_(scenario),
        held_(static_cast<std::size_t>(world)),
        findings_(findings),
        batch_(batch) {}

  /// What an op reads, in order; nullptr where it is not known. A wait reads nothing.
  std::vector<SharedHeld> read(const OpOnRank& at);
  /// Takes what the trace says was written: where it is stored, the batch will tell whether it has
  /// the logged hash. Returns it; nullptr if it is not stored.
  SharedHeld accept(const OpOnRank& at, std::size_t output);
  /// From now on an output that is not stored holds these elements, if they have the logged hash.
  void know(const OpOnRank& at, std::size_t output, SharedTensor elements,
            std::shared_ptr<const Claim> claim);
  /// What is stored is not what the log tells of.
  void report_unlike_log(const OpOnRank& at, std::size_t output);

 private:
  struct Held {
    std::uint64_t hash = 0;
    SharedHeld tensor;
    Moment written;
    std::string writer;
    Phase phase = Phase::data;  // of the writer
  };
  using OfRank = std::map<ValueId, Held>;

  OfRank& of(const OpOnRank& at) { return held_[static_cast<std::size_t>(at.rank)]; }
  SharedHeld read(const OpOnRank& at, const AccessRecord& access);
  void report_edge(const OpOnRank& at, const AccessRecord& access, const Held* held, Tally& tally);
  SharedHeld recorded(const OpOnRank& at, const Value& value, std::uint64_t hash);

  const Scenario& scenario_;
  std::vector<OfRank> held_;
  WalkFindings& findings_;
  Batch& batch_;
};

}  // namespace shardproof::reports
