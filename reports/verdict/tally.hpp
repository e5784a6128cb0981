#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

struct Evidence;  // reports/units/evidence.hpp

/// A failing unit: a candidate for the first divergence. `sequence` is the place of the op that
/// wrote (or read) the wrong value in the order of its rank.
struct Failure {
  std::int64_t sequence = 0;
  FirstDivergence divergence;
  std::vector<Region> regions = {};  // what its rank holds of the tensor; empty: not known
  std::shared_ptr<const Evidence> evidence = nullptr;  // what the search for a cause asks again
};

/// A check that could not run, and why.
CheckResult not_run(const std::string& name, const std::string& reason);
/// A check that has nothing to say of this run, and why: the verdict rests on the others.
CheckResult not_required(const std::string& name, const std::string& reason);

/// What one check has found so far.
class Tally {
 public:
  Tally(std::string name, Proof strictest) : name_(std::move(name)), proof_(strictest) {}

  const std::string& name() const { return name_; }
  /// Counts of a comparison; `proof` is the kind that it had.
  void add(std::int64_t compared, std::int64_t failed, Proof proof);
  void add(const Comparison& comparison, Proof proof);
  /// All that another check counted.
  void add(const CheckResult& of);
  /// A failing unit; `sentence` is kept as the reason if it is the first. Of all of them only the
  /// one that was run first keeps its evidence: a cause is searched for no other.
  void fail(Failure failure, const std::string& sentence);
  /// Something failed that is no unit (a missing tensor, a wrong count).
  void fail(const std::string& sentence, std::int64_t failed = 1);
  /// No sound bound, or nothing to compare with: the check cannot pass any more.
  void unknown(const std::string& sentence);

  /// There is nothing to compare with, though the scenario asks for it.
  void not_run(const std::string& reason) { silence_ = reports::not_run(name_, reason); }
  /// It has nothing to say of this run: the verdict rests on the others.
  void not_required(const std::string& reason) { silence_ = reports::not_required(name_, reason); }
  /// What it compared is shown, not judged: of what would be a pass.
  void trend(const std::string& reason) { trend_ = reason; }

  const std::vector<Failure>& failures() const { return failures_; }
  std::int64_t failed() const { return failed_; }
  std::int64_t compared() const { return compared_; }
  /// not_run if it was said so; fail if anything failed, else unknown if anything is or nothing was
  /// compared, else trend or pass.
  CheckResult result() const;

 private:
  std::string name_;
  Proof proof_;
  std::int64_t compared_ = 0;
  std::int64_t failed_ = 0;
  double max_ratio_ = 0;
  bool unknown_ = false;
  std::string reason_;  // why it fails
  std::string unknown_reason_;
  std::string trend_;                   // empty: a pass is a pass
  std::optional<CheckResult> silence_;  // of a check that says nothing
  void keep_evidence_of_first(Failure& failure);

  std::vector<Failure> failures_;
  std::optional<std::size_t> evident_;  // the failure that has evidence
};

}  // namespace shardproof::reports
