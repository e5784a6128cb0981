#pragma once

#include <string>

namespace shardproof::reports {

/// "2026-11-28 23:10:05 UTC"
std::string time_now();

}  // namespace shardproof::reports
