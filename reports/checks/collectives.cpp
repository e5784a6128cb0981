#include "reports/checks/collectives.hpp"

#include <algorithm>

#include "reports/checks/budget.hpp"
#include "reports/verdict/findings.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

using Collectives = std::vector<BudgetedCollective>;

BudgetedCollective issued(const CollectiveRecord& record) {
  return {record.origin,   record.kind,  record.group, record.dtype,
          record.elements, record.bytes, std::nullopt};
}

std::string describe(const BudgetedCollective& c) {
  return c.kind + " of " + std::to_string(c.elements) + " " + c.dtype + " over " + c.group;
}

/// What is in `a` and not in `b`, both with repetitions; in the order of `a`.
Collectives beyond(const Collectives& a, Collectives b) {
  Collectives rest;
  for (const BudgetedCollective& c : a) {
    const auto same = std::find(b.begin(), b.end(), c);
    if (same != b.end())
      b.erase(same);
    else
      rest.push_back(c);
  }
  return rest;
}

const BudgetedCollective* with_origin(const Collectives& all, const std::string& origin) {
  for (const BudgetedCollective& c : all)
    if (c.origin == origin) return &c;
  return nullptr;
}

class CollectivesOfTrace {
 public:
  CollectivesOfTrace(const JudgeContext& context, const EngineTrace& trace, Tally& tally)
      : scenario_(context.scenario),
        trace_(trace),
        skipped_(skipped_steps(context.scenario, trace)),
        end_(context.scenario, trace),
        tally_(tally) {
    for (int tp = 0; tp < trace.grid().size(Axis::tp); ++tp)
      budgets_.push_back(collective_budget(scenario_, GroupRank{tp}));
  }

  void check() {
    for (int rank = 0; rank < trace_.world(); ++rank) {
      tally_.add(std::ssize(trace_.reader().collectives(rank)), 0, Proof::bitwise);
      check_against_program(rank);
      if (!trace_.failure()) check_against_budget(rank);
    }
    if (trace_.failure()) return fail_where_ranks_parted(*trace_.failure());
    for (const Axis axis : {Axis::tp, Axis::dp})
      for (int rank = 0; rank < trace_.world(); ++rank) check_group(axis, rank);
    findings_.report(tally_);
  }

 private:
  void fail_where_ranks_parted(const CollectiveFailure& parted) {
    findings_.report(tally_);
    Failure failure{.divergence = divergence_of(trace_.execution(), parted)};
    const auto& log = trace_.executed(failure.divergence.rank);
    if (!log.empty()) failure.sequence = log.back().sequence;
    tally_.add(0, 1, Proof::bitwise);
    tally_.fail(std::move(failure), sentence_of(trace_.execution(), parted));
  }

  void fail(int rank, const Moment& moment, const std::string& origin, const std::string& problem) {
    const ExecutedOp* nearest = nullptr;
    for (const ExecutedOp& executed : trace_.executed(rank)) {
      if (executed.moment != moment) continue;
      if (nearest == nullptr) nearest = &executed;
      if (full_name(*executed.op) != origin) continue;
      nearest = &executed;
      break;
    }
    if (nearest == nullptr) {
      tally_.fail(trace_.execution() + ": " + origin + ", rank " + std::to_string(rank) + ": " +
                  problem);
      return;
    }
    tally_.add(0, 1, Proof::bitwise);
    Failure failure = failure_of(trace_, rank, *nearest, "");
    failure.divergence.op = origin;
    failure.divergence.cause = Cause{"mismatch", std::nullopt, std::nullopt};
    findings_.add(failure, problem);
  }

  /// The log against the executed ops of the rank's own program, one by one.
  void check_against_program(int rank) {
    const Program& program = trace_.program(rank);
    const auto& log = trace_.reader().collectives(rank);
    std::size_t next = 0;
    for (const ExecutedOp& executed : trace_.executed(rank)) {
      const Op& op = *executed.op;
      if (!is_collective(op.kind)) continue;
      const std::int64_t elements = element_count(local_shape(
          program, program.value(op.inputs.at(0)), Rank{rank}, trace_.rows(rank, executed.moment)));
      const std::string wire = text(op, "wire");
      const auto size = static_cast<std::int64_t>(size_bytes(dtype_from_name(wire).value()));
      const BudgetedCollective planned{full_name(op), name_of(op.kind), name_of(op.group.value()),
                                       wire,          elements,         elements * size,
                                       std::nullopt};
      if (next >= log.size())
        return fail(rank, executed.moment, planned.origin, "the program has it, the log has not");
      const CollectiveRecord& record = log[next++];
      if (issued(record) == planned && record.moment == executed.moment) continue;
      return fail(rank, executed.moment, planned.origin,
                  "the program has an " + describe(planned) + ", issued was " + record.origin +
                      ", an " + describe(issued(record)));
    }
    if (next < log.size())
      fail(rank, log[next].moment, log[next].origin, "it was issued, but the program has it not");
  }

  Collectives issued_at(int rank, const Moment& moment) const {
    Collectives at;
    for (const CollectiveRecord& record : trace_.reader().collectives(rank))
      if (record.moment == moment) at.push_back(issued(record));
    return at;
  }

  void check_against_budget(int rank) {
    const GroupRank tp = trace_.grid().group_rank(Rank{rank}, Axis::tp);
    const CollectiveBudget& budget = budgets_.at(static_cast<std::size_t>(tp.value));
    check_moment(rank, {Moment::Stage::initial, -1, -1}, budget.initial_moment);
    for (int step = scenario_.first_step; step < scenario_.steps; ++step) {
      for (int micro = 0; micro < scenario_.training.accumulation; ++micro)
        check_micro_step(rank, {Moment::Stage::step, step, micro}, budget);
      Collectives expected = budget.reduce;
      if (!skipped_.contains(step))
        expected.insert(expected.end(), budget.update.begin(), budget.update.end());
      check_moment(rank, {Moment::Stage::step, step, -1}, expected);
    }
    check_moment(rank, {Moment::Stage::final, -1, -1}, budget.final_moment);
  }

  /// The micro-step that the data check ended has nothing else.
  void check_micro_step(int rank, const Moment& moment, const CollectiveBudget& budget) {
    Collectives expected = budget.data_check;
    if (moment == end_.at()) return expect_at(rank, moment, expected);
    const Collectives rest = with_recorded_rows(rank, moment, budget.micro_step);
    expected.insert(expected.end(), rest.begin(), rest.end());
    check_moment(rank, moment, expected);
  }

  /// Of experts' tokens as many as the rank's own replica recorded to have chosen them.
  Collectives with_recorded_rows(int rank, const Moment& moment, Collectives expected) const {
    for (BudgetedCollective& c : expected) {
      if (!c.rows) continue;
      const std::string selected = folder_of(moment) + "/" + name_in_folder(c.rows->selected);
      const std::int64_t rows =
          trace_.chosen_rows(selected, rank, c.rows->expert).value_or(c.rows->rows);
      c.elements *= rows;
      c.bytes *= rows;
      c.rows.reset();
    }
    return expected;
  }

  void check_moment(int rank, const Moment& moment, const Collectives& expected) {
    expect_at(rank, moment, end_.is_past(moment) ? expected : Collectives{});
  }

  void expect_at(int rank, const Moment& moment, const Collectives& expected) {
    const Collectives got = issued_at(rank, moment);
    // One rank issues none, nor do replicas that only infer. That is looked at here, moment by
    // moment: so that is what it counts.
    if (std::ranges::all_of(budgets_, &CollectiveBudget::empty)) tally_.add(1, 0, Proof::bitwise);
    const Collectives missing = beyond(expected, got), extra = beyond(got, expected);
    for (const BudgetedCollective& c : missing) {
      const BudgetedCollective* other = with_origin(extra, c.origin);
      fail(rank, moment, c.origin,
           "the budget has an " + describe(c) +
               (other == nullptr ? ", it was not issued" : ", issued was an " + describe(*other)));
    }
    for (const BudgetedCollective& c : extra)
      if (with_origin(missing, c.origin) == nullptr)
        fail(rank, moment, c.origin, "an " + describe(c) + " was issued that no budget has");
  }

  std::vector<const CollectiveRecord*> over(Axis axis, int rank) const {
    std::vector<const CollectiveRecord*> records;
    for (const CollectiveRecord& record : trace_.reader().collectives(rank))
      if (record.group == name_of(axis)) records.push_back(&record);
    return records;
  }

  /// The rank's collectives over its group against those of the group's first member.
  void check_group(Axis axis, int rank) {
    const int first = trace_.grid().group(Rank{rank}, axis).front().value;
    if (first == rank) return;
    const auto a = over(axis, first), b = over(axis, rank);
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const bool both = i < a.size() && i < b.size();
      if (both && issued(*a[i]) == issued(*b[i]) && a[i]->moment == b[i]->moment) continue;
      const CollectiveRecord& record = i < b.size() ? *b[i] : *a[i];
      return fail(rank, record.moment, record.origin,
                  std::string("the ") + name_of(axis) +
                      " group does not issue the same collectives: rank " + std::to_string(first) +
                      (i < a.size() ? " issued " + a[i]->origin : " issued nothing"));
    }
  }

  const Scenario& scenario_;
  const EngineTrace& trace_;
  reference::SkippedSteps skipped_;
  RunEnd end_;
  std::vector<CollectiveBudget> budgets_;  // by TP rank
  Tally& tally_;
  Findings findings_;
};

}  // namespace

Tally check_collectives(const JudgeContext& context) {
  Tally tally("collectives", Proof::bitwise);
  for (const EngineTrace* trace : context.engines())
    CollectivesOfTrace(context, *trace, tally).check();
  return tally;
}

}  // namespace shardproof::reports
