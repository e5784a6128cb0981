#include "reports/verdict/verdict.hpp"

#include <algorithm>

namespace shardproof::reports {

const char* name_of(Proof proof) {
  switch (proof) {
    case Proof::bitwise: return "bitwise";
    case Proof::sound: return "sound";
    case Proof::statistical: return "statistical";
    case Proof::unknown: return "unknown";
  }
  return "";
}

const char* name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass: return "pass";
    case Outcome::fail: return "fail";
    case Outcome::unknown: return "unknown";
    case Outcome::not_run: return "not_run";
    case Outcome::trend: return "trend";
  }
  return "";
}

void TensorRow::Cell::join(const Cell& found) {
  if (found.failed && !failed) first_failure = found.first_failure;
  judged = judged || found.judged;
  failed = failed || found.failed;
  bounded = bounded || found.bounded;
  unknown = unknown || found.unknown;
  max_ratio = std::max(max_ratio, found.max_ratio);
}

double TensorRow::max_ratio() const {
  double largest = 0;
  for (const Cell& cell : cells) largest = std::max(largest, cell.max_ratio);
  return largest;
}

const char* name_of(Conclusion conclusion) {
  switch (conclusion) {
    case Conclusion::pass: return "pass";
    case Conclusion::fail: return "fail";
    case Conclusion::unknown: return "unknown";
    case Conclusion::error: return "error";
  }
  return "";
}

}  // namespace shardproof::reports
