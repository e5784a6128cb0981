#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/units/evidence.hpp"
#include "reports/units/held_values.hpp"
#include "reports/units/meetings.hpp"
#include "reports/units/plan_unit.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

/// Judges executed ops, each from its own inputs on its own rank, in two goes: begin() gives the
/// batch what there is to do, and when that is finished, finish() tells what was found, op by op as
/// they were begun. What an op wrote is held from then on, judged or not.
class OpJudge {
 public:
  OpJudge(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo, HeldValues& held,
          Batch& batch, WalkFindings& findings, TensorTable& table)
      : context_(context),
        expected_(context, trace),
        memo_(memo),
        held_(held),
        batch_(batch),
        findings_(findings),
        table_(table) {}

  /// An op that is no collective and no wait. `must`: unless it is judged, that is told.
  void begin(const OpOnRank& at, const std::vector<SharedHeld>& inputs, bool must);
  /// A wait: what the collective gives, from what its members brought.
  void begin(const OpOnRank& at, const Meeting& meeting);
  /// Takes what the trace says was written, unjudged: of a wait for what nobody began.
  void accept_all(const OpOnRank& at);

  /// Of all that were begun since the last time.
  void finish();
  /// How many of those that must be were judged so far.
  std::int64_t judged() const { return judged_; }

 private:
  /// What an output must be: the result of a unit, or these elements.
  struct Outcome {
    std::size_t output = 0;
    SharedHeld written;                // nullptr: it is not stored
    std::shared_ptr<JudgedOnce> unit;  // or else
    SharedTensor expected;
    std::shared_ptr<HashedOnce> hash;            // of `expected`
    std::shared_ptr<Claim> claim;                // where `expected` is held as what was written
    std::shared_ptr<std::atomic<bool>> follows;  // false: its bits do not follow from the inputs
  };
  struct Begun {
    OpOnRank at;
    bool must;
    bool complete;  // every output has an outcome
    std::vector<SharedHeld> operands;
    std::vector<Outcome> outcomes = {};
    std::optional<Dtype> wire = std::nullopt;  // of a reduction: in what it adds
  };

  void take(Begun& op);
  Outcome& add_outcome(Begun& op, std::size_t output);
  void begin_unit(Begun& op, std::size_t output);
  void begin_recorded(Begun& op, std::size_t output, const PlanUnit& unit);
  void expect_nothing(Begun& op, std::size_t output);
  void begin_moves(Begun& op);
  void begin_reduction(Begun& op, const Op& start, const std::vector<SharedTensor>& members,
                       const std::string& key);
  void expect(Begun& op, std::size_t output, SharedTensor expected, const std::string& key = "",
              std::shared_ptr<std::atomic<bool>> follows = nullptr);
  std::vector<SharedTensor> arguments_of(const Begun& op, const PlanUnit& unit) const;
  std::string key_of(const OpOnRank& at, const PlanUnit& unit) const;
  void add_judgement(const Begun& op, Outcome& outcome, const std::string& key, JudgedUnit unit);

  void finish(const Begun& op);
  bool finish(const Begun& op, const Outcome& outcome);
  bool finish_expected(const Begun& op, const Outcome& outcome, const SharedHeld& recorded);
  bool settle(const Begun& op, const Outcome& outcome, const UnitVerdict& verdict);
  void report(const Begun& op, const Outcome& outcome, const Comparison& comparison);
  void suspect(const Begun& op, const Outcome& outcome, const Suspicion& suspicion);
  Failure failure_in(const OpOnRank& at, std::size_t output, std::int64_t element) const;
  std::shared_ptr<const Evidence> evidence_of(const Begun& op, const Outcome& outcome,
                                              std::int64_t first_failed) const;
  std::optional<JudgedUnit> unit_of(const Begun& op, const Outcome& outcome) const;
  void report_unjudged(const OpOnRank& at);

  const JudgeContext& context_;
  ExpectedOfTrace expected_;
  UnitMemo& memo_;
  HeldValues& held_;
  Batch& batch_;
  WalkFindings& findings_;
  TensorTable& table_;
  std::vector<Begun> begun_;
  std::int64_t judged_ = 0;
};

}  // namespace shardproof::reports
