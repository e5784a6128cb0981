#pragma once

#include <string>
#include <string_view>

namespace shardproof {

/// Appends a text as JSON writes it, in quotes.
void append_quoted(std::string& out, std::string_view text);

}  // namespace shardproof
