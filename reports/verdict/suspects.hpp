#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// From so many of its deviations on, an error is no chance: sqrt(2 ln(2 N / delta)), rounded up,
/// for N = 2^40 elements in a run and a probability delta = 1e-6 that any of them is suspected
/// wrongly.
inline constexpr double suspicious = 9.2;
inline constexpr std::int64_t most_elements = std::int64_t{1} << 40;

/// What the check `suspects` finds: how many elements were looked at, and the units of which
/// rounding explains some element hardly. Units of one op are one suspect, however often it ran.
class Suspects {
 public:
  /// Elements of a unit, and the deviations of the one that is hardest to explain.
  void count(std::int64_t elements, double z);
  /// A unit on a rank: `failure` says where, and has the numbers of its element.
  void add(Failure failure, const Signature& signature, double z);
  /// In the order in which the ops ran.
  std::vector<SuspectOp> list() const;
  /// A suspect is shown; it fails only where that is asked for.
  Tally tally(bool strict) const;

 private:
  struct Found {
    Failure failure;  // the first
    SuspectOp suspect;
  };
  std::vector<Found> in_order() const;

  Comparison compared_;  // a ratio of 1: suspicious
  std::vector<Found> found_;
};

/// "sim: OP, step 0, rank 1: factor 1.0002 +- 1e-05, 85 deviations".
std::string sentence_of(const SuspectOp& suspect);
/// The first, and how many more ops there are; "" without any.
std::string text_of(const std::vector<SuspectOp>& suspects);

}  // namespace shardproof::reports
