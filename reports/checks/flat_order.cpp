#include "reports/checks/flat_order.hpp"

#include <algorithm>

namespace shardproof::reports {

namespace {

std::vector<std::string> names_of(const FlatLayout& layout) {
  std::vector<std::string> names;
  for (const FlatLayout::Entry& entry : layout.entries) names.push_back(entry.parameter);
  return names;
}

// The same parameters, as the scenario says.
std::vector<std::string> in_order(const Scenario& scenario, const std::vector<std::string>& names,
                                  std::size_t owners) {
  std::vector<std::pair<std::size_t, std::string>> turns;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    if (std::ranges::count(names, parameter.name) > 0)
      turns.emplace_back(turns.size() % owners, parameter.name);
  if (scenario.parallel.round_robin_gradients)
    std::ranges::stable_sort(turns, {}, [](const auto& turn) { return turn.first; });
  std::vector<std::string> ordered;
  for (const auto& [owner, name] : turns) ordered.push_back(name);
  return ordered;
}

}  // namespace

std::string flat_order_problem(const Scenario& scenario, const Program& program) {
  for (const FlatLayout& layout : program.layouts) {
    if (layout.owners == 1) continue;
    const std::vector<std::string> got = names_of(layout);
    const std::vector<std::string> said =
        in_order(scenario, got, static_cast<std::size_t>(layout.owners));
    const auto [differs, expected] = std::ranges::mismatch(got, said);
    if (differs != got.end())
      return "the vector " + (layout.name.empty() ? "" : layout.name + " ") + "has " + *differs +
             " where the scenario says " + (expected == said.end() ? "nothing" : *expected);
  }
  return "";
}

}  // namespace shardproof::reports
