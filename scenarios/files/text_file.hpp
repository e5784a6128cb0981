#pragma once

#include <string>

namespace shardproof {

/// Replaces the file's content. Throws EnvironmentError that names the file.
void write_text(const std::string& path, const std::string& text);

/// The whole file; "" if there is none. Throws ScenarioError if it is no regular file.
std::string read_text(const std::string& path);

}  // namespace shardproof
