#pragma once

#include <string>
#include <vector>

namespace shardproof {

/// "a; b" of {"a", "b"}.
std::string joined(const std::vector<std::string>& parts, const std::string& between);

/// "a, b and c", "a or b", with the last word given.
std::string listed(const std::vector<std::string>& parts, const std::string& last);
std::string listed(const std::vector<int>& numbers, const std::string& last);

}  // namespace shardproof
