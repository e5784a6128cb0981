#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// The judge's own derivation of a run's batches: it deals out the samples one after another, step
/// by step, micro-step by micro-step, replica by replica, and walks through the source as it does.
/// scenarios/data/batches, by which engine and oracle load, computes the number of a sample
/// instead, and from it the place in the source. Only the generator is shared, which has witnesses
/// of its own.
class GivenSamples {
 public:
  explicit GivenSamples(const Scenario& scenario);

  /// The tokens of all replicas in the next micro-step, (D * B, T) row-major.
  std::vector<std::int64_t> next_micro_step();
  /// Whether two samples of one run are alike only by a defect: those of a generator that has far
  /// more batches than any run takes.
  bool must_differ() const;

 private:
  void read_source();
  std::int64_t stride() const;
  void append_next(std::vector<std::int64_t>& tokens);

  const Scenario& scenario_;
  std::vector<std::int64_t> source_;  // empty: generated
  std::int64_t sample_ = 0;           // the next one
  std::int64_t start_ = 0;            // its place in the source
};

/// Rows of tokens that have been seen, to tell those that are alike.
class SeenSamples {
 public:
  /// False if some row of a (rows, T) batch was seen before.
  bool are_new(const std::vector<std::int64_t>& batch, std::int64_t sequence);

 private:
  std::set<std::vector<std::int64_t>> seen_;
};

}  // namespace shardproof::reports
