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

/// One line: "found"; "partly", where its check has seen it, and something else is not as expected;
/// "MISSED"; of a legitimate run "passes" or "FLAGGED".
///
///   found    tied-contribution-lost  by op_local at model.embed_tokens/backward/add_grad, ...
///   partly   op-on-the-wrong-stream  cause unexplained: ..., expected bits equal to
std::string score_line(const FaultScore& score);
/// The table by class, and those that were missed, by name.
std::string score_text(const std::vector<FaultScore>& scores);
/// Schema "shardproof-faults-1".
std::string score_json(const std::vector<FaultScore>& scores, const ScoreOrigin& origin);
/// A page with both tables.
std::string score_html(const std::vector<FaultScore>& scores, const ScoreOrigin& origin);

}  // namespace shardproof::reports
