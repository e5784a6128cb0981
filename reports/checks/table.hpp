#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reports/units/unit_walk.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"
#include "reports/verdict/tensor_table.hpp"

namespace shardproof::reports {

/// What one judgement has in hand while its checks run, and what they leave for the report.
struct Judging {
  explicit Judging(const JudgeContext& of) : context(of), table(of.scenario.world()) {}

  const JudgeContext& context;
  UnitMemo memo;  // what checks and executions have in common is judged once
  TensorTable table;
  std::vector<TrendPoint> trend;  // of end_to_end
  std::optional<WalkFindings>
      walk;  // of all engines, once one of its three checks has asked for it
};

/// What a check needs of the executions beside their datasets.
enum class Needs { datasets, program_and_log, reference, baseline };

/// A check: what it is called, how it proves what it says, and who runs it.
struct Check {
  const char* name;
  Proof proof;  // the strictest that it has
  Needs needs;
  int sharpness;   // first_divergence.hpp
  bool of_shadow;  // whether the fp64 shadow has it, too (shadow.hpp)
  /// Why it has nothing to say of such a scenario; "" if it has.
  std::string (*nothing_to_say)(const Scenario& scenario);
  /// Whether a run of the scenario cannot pass without it.
  bool (*required)(const Scenario& scenario);
  /// Its tally has the name and the proof of this row.
  Tally (*run)(Judging& judging);
};

/// All checks, in the order of the summary.
std::span<const Check> check_table();
std::vector<std::string> check_names();

/// A check on what there is. One that lacks what it needs says so, and no verdict that requires it
/// can be a pass.
Tally run_check(const Check& check, Judging& judging);

/// Which checks there are, and what they find: a baseline that another judge has passed is one no
/// more. To be counted up with every change that makes a check find more than it did.
inline constexpr int judge_version = 4;
/// "1-0123456789abcdef": the version, and a hash of the table.
std::string judge_identity();

}  // namespace shardproof::reports
