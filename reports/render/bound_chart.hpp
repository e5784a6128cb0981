#pragma once

#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// HTML of the errors against their bounds by step: of each execution the largest part that an
/// error used of its bound, on a logarithmic scale beside the bound itself; one sentence, and the
/// numbers. "" where no step was judged.
std::string bound_html(const std::vector<StepError>& errors);

}  // namespace shardproof::reports
