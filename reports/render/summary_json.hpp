#pragma once

#include <string>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// summary.json, schema "shardproof-summary-1": every check, always and in one order; numbers that
/// are not finite are the strings "nan", "inf", "-inf". `step` and `micro_step` are null outside
/// the steps and micro-steps. Fields may be added, never renamed, as long as the schema's number
/// stays.
std::string summary_json(const Verdict& verdict);

}  // namespace shardproof::reports
