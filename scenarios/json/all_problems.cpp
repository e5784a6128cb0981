#include "scenarios/json/all_problems.hpp"

#include <algorithm>

namespace shardproof {

namespace {

bool same_place(const SourcePlace& a, const SourcePlace& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

bool is_at(const JsonMember& member, const SourcePlace& place) {
  return same_place(member.place, place) || same_place(member.value.place, place);
}

// Removes the innermost member of an object that has its key, its value, or an element of its value
// at `place`. A list keeps its length: what reads it would be misled.
bool remove_at(JsonValue& tree, const SourcePlace& place) {
  for (JsonMember& member : tree.members)
    if (!is_at(member, place) && remove_at(member.value, place)) return true;
  for (JsonValue& element : tree.elements)
    if (remove_at(element, place)) return true;
  const auto found = std::ranges::find_if(tree.members, [&](const JsonMember& member) {
    const auto& elements = member.value.elements;
    return is_at(member, place) || std::ranges::any_of(elements, [&](const JsonValue& element) {
             return same_place(element.place, place);
           });
  });
  if (found == tree.members.end()) return false;
  tree.members.erase(found);
  return true;
}

bool comes_of_another(const ScenarioError& error) {
  return error.kind() == ScenarioError::Kind::missing ||
         error.kind() == ScenarioError::Kind::conflict;
}

}  // namespace

void read_to_the_end(JsonValue root, const std::function<void(const JsonValue&)>& read) {
  std::vector<ScenarioError> problems;
  bool done = false;
  while (!done) {
    try {
      read(root);
      done = true;
    } catch (const ScenarioError& error) {
      if (problems.empty() || !comes_of_another(error)) problems.push_back(error);
      const auto removed = std::ranges::count_if(
          error.places(), [&](const SourcePlace& place) { return remove_at(root, place); });
      done = removed == 0;
    }
  }
  if (!problems.empty()) throw ScenarioError::of_all(std::move(problems));
}

}  // namespace shardproof
