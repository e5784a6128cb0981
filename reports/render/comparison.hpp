#pragma once

#include <string>

#include "reports/side_by_side/trace_comparison.hpp"

namespace shardproof::reports {

/// "EXPLAINED by rounding: both are of one task, ...".
std::string comparison_headline(const TraceComparison& comparison);
/// "1,200 equal, 34 different, 12 only in B".
std::string counts_text(const TensorsSideBySide& sides);
/// "pass", or where it is wrong by itself; "" if it was not judged.
std::string verdict_text_of(const TraceComparison::Side& side);
/// The largest part of its bound that a tensor took in a side's own judgement; "" if unknown.
std::string part_of_bound(const TraceComparison::Side& side, const std::string& path);
/// Why a tensor was not compared.
std::string why_not_compared(const TensorComparison& tensor);

/// For the terminal: the answer, why, where the two first part, and what differs.
std::string comparison_text(const TraceComparison& comparison);
/// Schema "shardproof-compare-2".
std::string comparison_json(const TraceComparison& comparison);
/// A page of its own, without network.
std::string comparison_html(const TraceComparison& comparison);

}  // namespace shardproof::reports
