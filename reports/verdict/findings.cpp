#include "reports/verdict/findings.hpp"

#include <algorithm>
#include <cmath>

#include "reports/compare/tensor_compare.hpp"
#include "scenarios/checkpoint/checkpoint_paths.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

bool same_unit(const Failure& a, const Failure& b) {
  return a.divergence.moment == b.divergence.moment &&
         a.divergence.execution == b.divergence.execution && a.divergence.op == b.divergence.op &&
         a.divergence.tensor == b.divergence.tensor;
}

std::string place_of(const FirstDivergence& divergence) {
  std::string text = divergence.execution + ": ";
  if (!divergence.op.empty()) text += divergence.op + ", ";
  if (!divergence.tensor.empty()) text += divergence.tensor + ", ";
  return text + ranks_text(divergence.ranks);
}

}  // namespace

void Findings::add(const Failure& failure, const std::string& problem) {
  for (Unit& unit : units_) {
    if (!same_unit(unit.failure, failure)) continue;
    std::vector<int>& ranks = unit.failure.divergence.ranks;
    if (std::find(ranks.begin(), ranks.end(), failure.divergence.rank) == ranks.end())
      ranks.push_back(failure.divergence.rank);
    unit.count(failure);
    return;
  }
  units_.push_back({failure, problem, {}});
  units_.back().count(failure);
}

// An element that several ranks hold is wrong once.
void Findings::Unit::count(const Failure& of) {
  const auto same = [&](const Holding& holding) { return holding.regions == of.regions; };
  auto holding = of.regions.empty() ? holdings.end() : std::ranges::find_if(holdings, same);
  if (holding == holdings.end()) holding = holdings.insert(holdings.end(), {of.regions, 0});
  holding->wrong = std::max(holding->wrong, of.divergence.wrong_elements);
  failure.divergence.wrong_elements = 0;
  for (const Holding& each : holdings) failure.divergence.wrong_elements += each.wrong;
}

void Findings::report(Tally& tally) {
  std::stable_sort(units_.begin(), units_.end(), [](const Unit& a, const Unit& b) {
    return a.failure.sequence < b.failure.sequence;
  });
  for (Unit& unit : units_) {
    const std::string sentence = place_of(unit.failure.divergence) + ": " + unit.problem;
    tally.fail(std::move(unit.failure), sentence);
  }
  units_.clear();
}

std::string index_text(const Shape& index) {
  std::string text;
  for (const std::int64_t i : index) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return "[" + text + "]";
}

std::string ranks_text(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank" : "ranks";
  for (std::size_t i = 0; i < ranks.size(); ++i)
    text += (i == 0 ? " " : ", ") + std::to_string(ranks[i]);
  return text;
}

void put_in_order(Failure& failure, const RecordedTrace& trace, const StoredDataset& stored) {
  if (const ExecutedOp* writer = writer_of(trace, stored)) {
    failure.sequence = writer->sequence;
    failure.divergence.phase = writer->op->phase;
  } else if (trace.engine() == nullptr) {
    failure.sequence = stored.info.order;
  }
}

void set_numbers(FirstDivergence& divergence, const Comparison& comparison) {
  divergence.expected = comparison.expected;
  divergence.got = comparison.got;
  divergence.error = std::fabs(comparison.got - comparison.expected);
  divergence.bound = comparison.bound;
  divergence.wrong_elements = comparison.failed;
  if (std::isnan(comparison.got))
    divergence.cause = Cause{"nan", std::nullopt, std::nullopt};
  else if (comparison.factor)
    divergence.cause = Cause{"factor", comparison.factor, 1.0};
}

const ExecutedOp* writer_of(const RecordedTrace& trace, const StoredDataset& stored) {
  if (trace.engine() == nullptr) return nullptr;
  const Moment moment = moment_of(stored.info.path);
  for (const ExecutedOp& executed : trace.engine()->executed(stored.rank)) {
    if (executed.moment != moment || writer_name(*executed.op) != stored.info.op) continue;
    for (const AccessRecord* write : executed.writes)
      if (write->version == stored.info.version) return &executed;
  }
  return nullptr;
}

Failure failure_at(const RecordedTrace& trace, int rank, const Moment& moment) {
  Failure failure;
  failure.divergence.execution = trace.execution();
  failure.divergence.moment = moment;
  failure.divergence.rank = rank;
  failure.divergence.ranks = {rank};
  return failure;
}

Failure failure_of(const RecordedTrace& trace, int rank, const ExecutedOp& executed,
                   const std::string& tensor) {
  Failure failure = failure_at(trace, rank, executed.moment);
  failure.sequence = executed.sequence;
  failure.divergence.phase = executed.op->phase;
  failure.divergence.op = writer_name(*executed.op);
  failure.divergence.tensor = tensor;
  return failure;
}

Failure failure_of(const RecordedTrace& trace, const StoredDataset& stored,
                   const Comparison& comparison) {
  // A dataset without a writer in the log still has a folder that says when it was written.
  Failure failure = failure_at(trace, stored.rank, moment_of(stored.info.path));
  failure.regions = stored.info.regions;
  put_in_order(failure, trace, stored);
  FirstDivergence& divergence = failure.divergence;
  divergence.op = stored.info.op;
  divergence.tensor = stored.info.path;
  set_numbers(divergence, comparison);
  if (comparison.first_failed >= 0)
    divergence.index = index_in_full(stored.info.regions, comparison.first_failed);
  return failure;
}

FirstDivergence divergence_of(const std::string& execution, const CollectiveFailure& failure) {
  FirstDivergence divergence;
  divergence.execution = execution;
  divergence.moment = failure.moment;
  divergence.phase = failure.phase;
  divergence.op = failure.op;
  divergence.ranks = failure.ranks;
  divergence.rank = failure.ranks.empty() ? 0 : failure.ranks.front();
  divergence.cause = Cause{failure.kind, std::nullopt, std::nullopt};
  return divergence;
}

std::string sentence_of(const std::string& execution, const CollectiveFailure& failure) {
  return execution + ": " + failure.kind + " at " + failure.op + ": " + failure.report;
}

std::optional<int> checkpoint_read_between(const Scenario& scenario, const Moment& written,
                                           const Moment& read) {
  const int steps_done = scenario.checkpoint.resume_after;
  const bool after = read.stage == Moment::Stage::step && read.step >= steps_done;
  const bool before = written.stage != Moment::Stage::step || written.step < steps_done;
  return steps_done > 0 && before && after ? std::optional(steps_done) : std::nullopt;
}

void put_at_checkpoint(FirstDivergence& divergence, const std::string& what, int steps_done,
                       const std::string& name) {
  divergence.moment = {Moment::Stage::step, steps_done - 1, -1};
  divergence.phase = Phase::checkpoint;
  divergence.op = "checkpoint/" + what;
  divergence.tensor = checkpoint_path("", steps_done) + "/" + name;
}

void compare_stored(const RecordedTrace& trace, const StoredDataset& stored,
                    const TensorView& expected, const std::string& problem, Tally& tally,
                    Findings& findings) {
  const std::int64_t count = element_count(stored.info.regions);
  if (stored.info.dtype != expected.dtype()) {
    const Comparison all{.compared = count, .failed = count};
    tally.add(all, Proof::bitwise);
    return findings.add(failure_of(trace, stored, all),
                        std::string("it is ") + name_of(stored.info.dtype) + ", expected " +
                            name_of(expected.dtype()));
  }
  SHARDPROOF_EXPECTS(expected.elements() == count, stored.info.path, expected.elements(), count);
  trace.reader().check(stored);
  const Comparison comparison =
      compare_bits(expected, *stored_tensor(trace.reader(), stored), expected.dtype());
  tally.add(comparison, Proof::bitwise);
  if (comparison.failed > 0) findings.add(failure_of(trace, stored, comparison), problem);
}

void compare_stored(const RecordedTrace& trace, const StoredDataset& stored,
                    std::span<const std::byte> expected, Dtype expected_dtype,
                    const std::string& problem, Tally& tally, Findings& findings) {
  const auto count = static_cast<std::int64_t>(expected.size() / size_bytes(expected_dtype));
  compare_stored(trace, stored, *tensor_in(expected_dtype, {count}, borrowed(expected)), problem,
                 tally, findings);
}

}  // namespace shardproof::reports
