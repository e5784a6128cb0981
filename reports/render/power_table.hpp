#pragma once

#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// What of a tensor would not have been seen: "forward/x: the bias is zero, ...", of checks that
/// had nothing to compare, too.
std::vector<std::string> vacuous_of(const Verdict& verdict);

/// What is vacuous, and a table of the smallest faults that would have been seen, tensor by tensor,
/// as HTML; "" if nothing is known of any.
std::string power_html(const Verdict& verdict);

}  // namespace shardproof::reports
