#include "reports/score/score.hpp"

#include <algorithm>
#include <cmath>

#include "reports/render/format.hpp"
#include "scenarios/listed.hpp"

namespace shardproof::reports {

namespace {

bool is_cause(const ToldCause& told, const ExpectedCause& expected) {
  const bool same_factor =
      !expected.coefficient ||
      (told.coefficient && std::fabs(*told.coefficient - *expected.coefficient) <=
                               1e-3 * std::fabs(*expected.coefficient));
  return told.name.starts_with(expected.name) && same_factor &&
         told.text.find(expected.says) != std::string::npos;
}

bool is_cause(const Finding& found, const ExpectedCause& expected) {
  if (expected.name == "none") return found.causes.empty();
  return std::ranges::any_of(found.causes,
                             [&](const ToldCause& told) { return is_cause(told, expected); });
}

std::string cause_words(const ExpectedCause& cause) {
  std::string text = cause.name;
  if (cause.coefficient) text += " " + rounded(*cause.coefficient);
  if (!cause.says.empty()) text += " (" + cause.says + ")";
  return text;
}

void add_miss(std::string& miss, const std::string& sentence) {
  miss += (miss.empty() ? "" : "; ") + sentence;
}

void score_refusal(FaultScore& score) {
  const std::string& says = score.fault.expected.says;
  score.detected = score.found.exit_code == 2;
  score.by_check = score.detected && score.found.message.find(says) != std::string::npos;
  if (!score.detected)
    add_miss(score.miss, "was not refused: " + score.found.message);
  else if (!score.by_check)
    add_miss(score.miss, "expected \"" + says + "\", refused by: " + score.found.message);
}

void score_legitimate(FaultScore& score) {
  score.detected = score.found.exit_code != 0;
  if (score.detected) add_miss(score.miss, "is right, and was flagged: " + score.found.message);
}

// Each on its own: a wrong op does not make the ranks wrong.
void score_named(FaultScore& score, const Finding& clean, const AreNext& are_next) {
  const Finding& found = score.found;
  const Expectation& expected = score.fault.expected;
  // Where the clean run fails, too, it is not the fault that was seen.
  if (clean.exit_code != 0) return add_miss(score.miss, "its clean run fails: " + clean.message);
  score.loss_change = loss_change(found, clean);
  score.detected = found.exit_code == 1;
  if (!score.detected) return add_miss(score.miss, "was not detected: " + found.message);
  score.by_check = std::ranges::find(found.failed, expected.check) != found.failed.end();
  score.op_exact = found.op == expected.op;
  score.op_right = score.op_exact || are_next(found.op, expected.op);
  score.ranks_right = found.ranks == expected.ranks;
  score.cause_right = is_cause(found, expected.cause);
  if (!score.by_check)
    add_miss(score.miss, expected.check + " did not fail, but " + joined(found.failed, ", "));
  if (!score.op_right) add_miss(score.miss, "op " + found.op + ", expected " + expected.op);
  if (!score.ranks_right)
    add_miss(score.miss,
             "ranks " + rank_list(found.ranks) + ", expected " + rank_list(expected.ranks));
  if (!score.cause_right)
    add_miss(score.miss, "cause " + (found.causes.empty() ? "none" : found.causes[0].text) +
                             ", expected " + cause_words(expected.cause));
}

void count(const FaultScore& score, ScoreCounts& counts) {
  counts.corrected += !score.fault.corrected.empty();
  if (score.fault.kind == FaultClass::legitimate) {
    counts.flagged += score.detected;
    return;
  }
  ++counts.faults;
  counts.named += is_named(score.fault.kind);
  counts.detected += score.detected;
  counts.by_check += score.by_check;
  counts.op_right += score.op_right;
  counts.op_exact += score.op_exact;
  counts.ranks_right += score.ranks_right;
  counts.cause_right += score.cause_right;
  counts.loss_shows += score.loss_shows();
}

}  // namespace

FaultScore score_of(const Fault& fault, const Finding& found, const Finding& clean,
                    const AreNext& are_next) {
  FaultScore score;
  score.fault = fault;
  score.found = found;
  if (fault.kind == FaultClass::refusal)
    score_refusal(score);
  else if (fault.kind == FaultClass::legitimate)
    score_legitimate(score);
  else
    score_named(score, clean, are_next);
  return score;
}

ScoreCounts counts_of(const std::vector<FaultScore>& scores, FaultClass of) {
  ScoreCounts counts;
  for (const FaultScore& score : scores)
    if (score.fault.kind == of) {
      count(score, counts);
      counts.faults += of == FaultClass::legitimate;
    }
  return counts;
}

ScoreCounts counts_of(const std::vector<FaultScore>& scores) {
  ScoreCounts counts;
  for (const FaultScore& score : scores) count(score, counts);
  return counts;
}

}  // namespace shardproof::reports
