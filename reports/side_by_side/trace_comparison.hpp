#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/side_by_side/compare_tensors.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// Whether two traces agree.
///   equal      in all bits, of every tensor, and no replica differs inside a trace
///   explained  by rounding: both are of one task (task_differences.hpp), and each lies, function
///              by function, in the acceptance sets of its own judgement. What is wrong in one is
///              never excused by looking at the difference.
///   different  else
///   unknown    a trace has not what judging needs
enum class Answer { equal, explained, different, unknown };
const char* name_of(Answer answer);

/// How far apart the two are after a step: the largest relative distance of all tensors of a kind.
struct StepDistance {
  int step = 0;
  double outputs = 0;     // of forward passes
  double gradients = 0;   // that the optimizer took
  double parameters = 0;  // after the update
};

struct TraceComparison {
  struct Side {
    std::string folder;
    std::string about;               // "sim, tp 2 x dp 2, ZeRO 2, bf16"
    std::optional<Verdict> verdict;  // nothing: it was not needed, or could not be had
  };
  Side a, b;
  TensorsSideBySide tensors;
  Answer answer = Answer::unknown;
  std::string sentence;                // why this is the answer
  std::vector<std::string> task_keys;  // in which the tasks differ
  std::string reason;                  // why bits first part, in words, where that is known
  std::vector<StepDistance> growth;    // of steps that both have

  /// 0 equal or explained, 1 different, 2 unknown.
  int exit_code() const;
};

/// Reads both traces, and judges them if bits differ: that takes as long as a judgement of each.
/// Throws ScenarioError if they are of different models, or one is no complete trace.
TraceComparison compare_traces(const std::string& folder_a, const std::string& folder_b);

}  // namespace shardproof::reports
