#pragma once

#include <string>
#include <vector>

#include "reports/score/score.hpp"

namespace shardproof::reports {

/// When, by what and from which program a score is.
struct ScoreOrigin {
  std::string date;     // "2026-11-29 12:40:05 UTC"
  std::string version;  // "0.1.0"
  std::string commit;
  std::string command;
  double seconds = 0;
  std::string runs;  // the folder of the runs' results, beside the page
};

/// One line: whether all is as expected, and else what is not.
///
///   found   tied-embedding-not-summed  by plan_units at lm_head/backward/accumulate_weight, ...
///   MISSED  ...                        cause none, expected zeros
std::string score_line(const FaultScore& score);
/// The table by class, and those that were missed, by name.
std::string score_text(const std::vector<FaultScore>& scores);
/// Schema "shardproof-faults-1".
std::string score_json(const std::vector<FaultScore>& scores, const ScoreOrigin& origin);
/// A page with both tables.
std::string score_html(const std::vector<FaultScore>& scores, const ScoreOrigin& origin);

}  // namespace shardproof::reports
