#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// A failing unit: a candidate for the first divergence. `sequence` is the place of the op that
/// wrote (or read) the wrong value in the order of its rank.
struct Failure {
  std::int64_t sequence = 0;
  FirstDivergence divergence;
};

/// What one check has found so far.
class Tally {
 public:
  Tally(std::string name, Proof strictest) : name_(std::move(name)), proof_(strictest) {}

  const std::string& name() const { return name_; }
  /// Counts of a comparison; `proof` is the kind that it had.
  void add(std::int64_t compared, std::int64_t failed, Proof proof);
  void add(const Comparison& comparison, Proof proof);
  /// A failing unit; `sentence` is kept as the reason if it is the first.
  void fail(Failure failure, const std::string& sentence);
  /// Something failed that is no unit (a missing tensor, a wrong count).
  void fail(const std::string& sentence, std::int64_t failed = 1);
  /// No sound bound, or nothing to compare with: the check cannot pass any more.
  void unknown(const std::string& sentence);

  const std::vector<Failure>& failures() const { return failures_; }
  std::int64_t failed() const { return failed_; }
  std::int64_t compared() const { return compared_; }
  /// fail if anything failed, else unknown if anything is or nothing was compared, else pass.
  CheckResult result() const;

 private:
  std::string name_;
  Proof proof_;
  std::int64_t compared_ = 0;
  std::int64_t failed_ = 0;
  double max_ratio_ = 0;
  bool unknown_ = false;
  std::string reason_;
  std::vector<Failure> failures_;
};

/// A check that could not run, and why.
CheckResult not_run(const std::string& name, const std::string& reason);

}  // namespace shardproof::reports
