#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// The trace of a run's fp64 shadow, with all that its checks look at.
class ShadowTrace {
 public:
  /// `scenario`: the shadow's own. Throws ScenarioError if the folder holds no complete trace.
  ShadowTrace(Scenario scenario, const std::string& folder);
  ShadowTrace(const ShadowTrace&) = delete;
  ShadowTrace& operator=(const ShadowTrace&) = delete;

  const JudgeContext& context() const { return context_; }

 private:
  Scenario scenario_;
  std::vector<reference::Unit> units_;
  std::unique_ptr<RecordedTrace> trace_;
  JudgeContext context_;
};

/// The same program in fp64, where bounds are 2^29 times narrower than those of fp32: an error of
/// the plan that hides below the run's own rounding cannot hide there. It is judged by those checks
/// of the table whose pass proves, together, that an execution is one of the unsharded model
/// (docs/decisions/0011), and fails if one of them does. Plan and round trips say of it
/// what they say of the run.
Tally check_shadow(const JudgeContext& context);

}  // namespace shardproof::reports
