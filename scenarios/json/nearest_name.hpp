#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shardproof {

/// How many insertions, deletions, replacements and swaps of neighbours turn one word into the
/// other.
int edit_distance(std::string_view a, std::string_view b);

/// The name nearest to `word`, the earlier of equals; nothing if even that differs in more than
/// half of the word.
std::optional<std::string> nearest_name(std::string_view word, std::span<const std::string> names);

/// "; did you mean \"gradient_clipping\"?", or "" if no name is near.
std::string suggestion(std::string_view word, std::span<const std::string> names);

}  // namespace shardproof
