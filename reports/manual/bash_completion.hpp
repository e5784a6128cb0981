#pragma once

#include <string>

#include "reports/manual/command_table.hpp"

namespace shardproof::reports {

/// What bash sources to complete the program's command lines: commands, options, and values: files
/// and folders, or words where a closed list exists. It needs nothing of the bash-completion
/// package.
std::string bash_completion(const CommandTable& table);

}  // namespace shardproof::reports
