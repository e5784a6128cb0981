#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardproof::reports {

/// Why the first wrong tensor is wrong, as the summary tells it.
struct ToldCause {
  std::string name;
  std::string text;
  std::optional<double> coefficient;
};

/// What a run has said of itself to those who do not know what was planted in it: its exit code,
/// and its summary.json.
struct Finding {
  int exit_code = 0;
  std::string message;              // the headline, or why there is no verdict
  std::vector<std::string> failed;  // checks
  std::string op;                   // of the first divergence; "": there is none
  std::vector<int> ranks;
  std::vector<ToldCause> causes;  // the first, then those that predict the same numbers
  std::optional<double> used;     // allowed before the last rounding, of the expected value's size
  std::map<std::pair<std::string, int>, double> losses;  // by execution and step
};

/// Of a run that ended with `exit_code` and left its results in `folder` ("": it left none).
Finding read_finding(int exit_code, const std::string& message, const std::string& folder);

/// The largest change of a step's loss against the same step and execution of the clean run, as a
/// fraction of that: |faulty - clean| / |clean|; infinite where only the clean one is finite.
/// Nothing if no step has both.
std::optional<double> loss_change(const Finding& faulty, const Finding& clean);

}  // namespace shardproof::reports
