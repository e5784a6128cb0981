#pragma once

#include <string>

#include "reports/manual/command_table.hpp"

namespace shardproof::reports {

/// The program's page for `man`, section 1, in troff's man macros.
std::string man_page(const CommandTable& table, const std::string& version);

}  // namespace shardproof::reports
