#pragma once

#include <span>
#include <string>

namespace shardproof {

/// Words as a line for a shell (POSIX): those that it would read as something else are quoted.
///   {"shardproof", "run", "my model/it's.json"}   shardproof run 'my model/it'\''s.json'
std::string shell_command(std::span<const std::string> words);

}  // namespace shardproof
