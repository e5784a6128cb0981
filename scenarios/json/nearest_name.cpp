#include "scenarios/json/nearest_name.hpp"

#include <algorithm>
#include <vector>

namespace shardproof {

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before_last, last, row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view word, std::span<const std::string> names) {
  const std::string* nearest = nullptr;
  int smallest = 0;
  for (const std::string& name : names) {
    const int distance = edit_distance(word, name);
    const int limit = static_cast<int>(std::max(word.size(), name.size()) / 2);
    if (distance > limit || (nearest && distance >= smallest)) continue;
    smallest = distance;
    nearest = &name;
  }
  return nearest ? std::optional(*nearest) : std::nullopt;
}

std::string suggestion(std::string_view word, std::span<const std::string> names) {
  const auto name = nearest_name(word, names);
  return name ? "; did you mean \"" + *name + "\"?" : "";
}

}  // namespace shardproof
