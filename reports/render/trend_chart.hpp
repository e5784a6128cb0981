#pragma once

#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// HTML of the trend: for each quantity a small chart over the steps (each execution a curve, the
/// reference dashed, skipped steps marked), and one table with all numbers. "" where there is none.
std::string trend_html(const std::vector<TrendPoint>& trend,
                       const std::vector<SkippedStep>& skipped);
/// The charts alone; "" where none has two steps.
std::string charts_html(const std::vector<TrendPoint>& trend,
                        const std::vector<SkippedStep>& skipped = {});

}  // namespace shardproof::reports
