#include "reports/verdict/tally.hpp"

#include <algorithm>
#include <tuple>

namespace shardproof::reports {

void Tally::add(std::int64_t compared, std::int64_t failed, Proof proof) {
  if (compared > 0) proof_ = std::max(proof_, proof);
  compared_ += compared;
  failed_ += failed;
}

void Tally::add(const Comparison& comparison, Proof proof) {
  add(comparison.compared, comparison.failed, proof);
  max_ratio_ = std::max(max_ratio_, comparison.max_ratio);
}

void Tally::add(const CheckResult& of) {
  add(of.compared, of.failed, of.proof);
  max_ratio_ = std::max(max_ratio_, of.max_ratio.value_or(0));
}

void Tally::fail(Failure failure, const std::string& sentence) {
  if (failures_.empty()) reason_ = sentence;
  failure.divergence.reason = sentence;
  keep_evidence_of_first(failure);
  failures_.push_back(std::move(failure));
}

void Tally::keep_evidence_of_first(Failure& failure) {
  if (failure.evidence == nullptr) return;
  const auto place = [](const Failure& f) {
    return std::tuple(f.sequence, f.divergence.execution != "sim", f.divergence.rank);
  };
  if (evident_ && place(failures_[*evident_]) <= place(failure)) return failure.evidence.reset();
  if (evident_) failures_[*evident_].evidence.reset();
  evident_ = failures_.size();
}

void Tally::fail(const std::string& sentence, std::int64_t failed) {
  if (failed_ == 0) reason_ = sentence;
  failed_ += failed;
}

void Tally::unknown(const std::string& sentence) {
  if (!unknown_) unknown_reason_ = sentence;
  unknown_ = true;
}

CheckResult Tally::result() const {
  if (silence_) return *silence_;
  CheckResult result;
  result.name = name_;
  result.proof = unknown_ ? Proof::unknown : proof_;
  result.compared = compared_;
  result.failed = failed_;
  if (proof_ != Proof::bitwise) result.max_ratio = max_ratio_;
  if (failed_ > 0 || !failures_.empty()) {
    result.outcome = Outcome::fail;
    result.reason = reason_;
  } else if (unknown_) {
    result.outcome = Outcome::unknown;
    result.reason = unknown_reason_;
  } else if (compared_ == 0) {
    result.outcome = Outcome::unknown;
    result.proof = Proof::unknown;
    result.reason = "nothing was compared";
  } else if (!trend_.empty()) {
    result.outcome = Outcome::trend;
    result.max_ratio.reset();
    result.reason = trend_;
  } else {
    result.outcome = Outcome::pass;
  }
  return result;
}

CheckResult not_run(const std::string& name, const std::string& reason) {
  CheckResult result;
  result.name = name;
  result.outcome = Outcome::not_run;
  result.reason = reason;
  return result;
}

CheckResult not_required(const std::string& name, const std::string& reason) {
  CheckResult result = not_run(name, reason);
  result.required = false;
  return result;
}

}  // namespace shardproof::reports
