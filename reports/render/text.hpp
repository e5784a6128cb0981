#pragma once

#include <string>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// The verdict for a terminal: at most 12 lines, each ending in a line break. The first says all
/// that a glance needs:
///
///   FAIL tp2-dp2: model.layers.1.self_attn.o_proj/forward/all_reduce, step 1, micro-step 0, ranks
///   0,1
///
/// `report` is where the page lies; empty: there is none. Nothing in it can drive a terminal.
std::string verdict_text(const Verdict& verdict, const std::string& report);

}  // namespace shardproof::reports
