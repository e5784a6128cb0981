#pragma once

#include <vector>

#include "reports/units/held_values.hpp"
#include "reports/units/meetings.hpp"
#include "reports/units/plan_unit.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

/// Judges executed ops, each from the bytes of its own inputs on its own rank. What an op wrote is
/// held from then on, judged or not.
class OpJudge {
 public:
  OpJudge(const JudgeContext& context, const EngineTrace& trace, UnitMemo& memo, HeldValues& held,
          WalkFindings& findings, TensorTable& table)
      : context_(context),
        expected_(context, trace),
        memo_(memo),
        held_(held),
        findings_(findings),
        table_(table) {}

  /// Each is false where some output could not be compared with what it must be. Of an op that is
  /// no collective and no wait:
  bool judge(const OpOnRank& at, const std::vector<SharedBytes>& inputs);
  /// Of a wait: what the collective gives, from what its members brought.
  bool judge(const OpOnRank& at, const Meeting& meeting);
  /// Takes what the trace says was written, unjudged: leaves, which the check `leaves` judges, and
  /// what read changed bytes, which failed as an edge. Always false.
  bool accept_all(const OpOnRank& at);

 private:
  bool judge_unit_of(const OpOnRank& at, std::size_t output,
                     const std::vector<SharedBytes>& inputs);
  bool expect_nothing(const OpOnRank& at, std::size_t output);
  bool judge_recorded(const OpOnRank& at, std::size_t output, const PlanUnit& unit,
                      const std::vector<SharedBytes>& inputs);
  bool judge_move(const OpOnRank& at, const std::vector<SharedBytes>& inputs);
  bool judge_reduction(const OpOnRank& at, const Op& start, Dtype dtype,
                       const std::vector<Bytes>& members);
  std::string key_of(const OpOnRank& at, std::size_t output, const PlanUnit& unit) const;
  bool expect_result(const OpOnRank& at, std::size_t output, const reference::UnitResult& result);
  bool expect_bytes(const OpOnRank& at, std::size_t output, const Bytes& expected);
  bool settle(const OpOnRank& at, std::size_t output, const UnitVerdict& verdict);
  void report(const OpOnRank& at, const Value& value, const Comparison& comparison);

  const JudgeContext& context_;
  ExpectedOfTrace expected_;
  UnitMemo& memo_;
  HeldValues& held_;
  WalkFindings& findings_;
  TensorTable& table_;
};

}  // namespace shardproof::reports
