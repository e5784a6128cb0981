#pragma once

#include <string>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// report.html: one page that needs nothing else, under 2 MB however large the run. Verdict, first
/// divergence and the command that reproduces it come first; what the verdict holds is escaped.
std::string report_html(const Verdict& verdict);

}  // namespace shardproof::reports
