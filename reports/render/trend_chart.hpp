#pragma once

#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// HTML of the trend: for each quantity a small chart over the steps (each execution a line, the
/// reference dashed), and one table with all numbers. Points that are not finite are in the table
/// only.
std::string trend_html(const std::vector<TrendPoint>& trend);
/// The charts alone.
std::string charts_html(const std::vector<TrendPoint>& trend);

}  // namespace shardproof::reports
