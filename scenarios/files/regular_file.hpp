#pragma once

#include <string>

namespace shardproof {

/// Throws ScenarioError if the path is a pipe, a device or a socket: opening one may wait for ever,
/// and reading one may never end. Of one that is absent whoever opens it says so.
void expect_regular_file(const std::string& path);

}  // namespace shardproof
