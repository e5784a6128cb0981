#pragma once

#include <cstddef>
#include <string>

namespace shardproof {

/// The columns of the terminal that stdout is; 0 if it is none, where lines may be of any length.
std::size_t stdout_columns();
/// Of the terminal that is at this descriptor; 80 where it does not say.
std::size_t columns_of(int descriptor);

/// The text with colours where stdout is a terminal, unless NO_COLOR says otherwise (no-color.org):
/// a verdict's word ("PASS", "unknown") is green, red or yellow where the first line begins with
/// it, or, of a table, each line, behind its blanks.
std::string coloured_verdict(const std::string& text);
std::string coloured_table(const std::string& text);

}  // namespace shardproof
