#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shardproof {

/// The names of an enumeration's values, in the order in which they are declared: one table, by
/// which they are read and written.
///
///   template <>
///   struct Names<Mode> {
///     static constexpr std::array all{"training", "inference"};
///   };
template <class Enum>
struct Names;

template <class Enum>
concept NamedEnum = requires {
  Names<Enum>::all;
};

template <NamedEnum Enum>
constexpr const char* name_of(Enum value) {
  return Names<Enum>::all.at(static_cast<std::size_t>(value));
}

template <NamedEnum Enum>
std::optional<Enum> from_name(std::string_view name) {
  const auto& names = Names<Enum>::all;
  const auto found =
      std::ranges::find(names, name, [](const char* n) { return std::string_view(n); });
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

/// All of them, for a message that lists what may be written.
template <NamedEnum Enum>
std::vector<std::string> names_of() {
  return {Names<Enum>::all.begin(), Names<Enum>::all.end()};
}

}  // namespace shardproof
