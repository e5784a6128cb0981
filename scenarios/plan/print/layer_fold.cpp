#include "scenarios/plan/print/layer_fold.hpp"

#include <algorithm>

namespace shardproof {

namespace {

// Where the number stands: [begin, end); begin == end: there is none.
std::pair<std::size_t, std::size_t> number_in(const std::string& name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::size_t digits = name.find_first_not_of("0123456789", begin);
    // Nine digits always fit an int, and no model has more layers.
    if (end > begin && end - begin <= 9 && std::min(digits, name.size()) >= end)
      return {begin, end};
    begin = end + 1;
  }
  return {name.size(), name.size()};
}

// {"2", "1", "0", "5"} -> "{0..2,5}".
std::string folded(std::vector<std::string> numbers) {
  if (numbers.size() == 1) return numbers.front();
  std::sort(numbers.begin(), numbers.end(),
            [](const std::string& a, const std::string& b) { return std::stoi(a) < std::stoi(b); });
  std::string text;
  for (std::size_t begin = 0; begin < numbers.size();) {
    std::size_t end = begin + 1;
    while (end < numbers.size() && std::stoi(numbers[end]) == std::stoi(numbers[end - 1]) + 1)
      ++end;
    text += (text.empty() ? "" : ",") + numbers[begin];
    if (end > begin + 1) text += ".." + numbers[end - 1];
    begin = end;
  }
  return "{" + text + "}";
}

}  // namespace

void LayerFold::add(const std::string& name, const std::string& key) {
  const auto [begin, end] = number_in(name);
  const std::string before = name.substr(0, begin), after = name.substr(end);
  const std::string number = name.substr(begin, end - begin);
  const std::size_t index = added_++;
  if (!number.empty()) {
    const auto same = std::find_if(groups_.begin(), groups_.end(), [&](const Group& group) {
      return group.before == before && group.after == after && group.key == key;
    });
    if (same != groups_.end()) return same->numbers.push_back(number);
  }
  groups_.push_back({before, after, key, {number}, index});
}

std::vector<LayerFold::Line> LayerFold::lines() const {
  std::vector<Line> lines;
  for (const Group& group : groups_)
    lines.push_back(
        {group.before + folded(group.numbers) + group.after, group.first, group.numbers.size()});
  return lines;
}

}  // namespace shardproof
