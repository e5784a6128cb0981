#include "scenarios/plan/print_partition.hpp"

#include <algorithm>

#include "scenarios/plan/layer_fold.hpp"
#include "scenarios/plan/text_table.hpp"

namespace shardproof {

namespace {

std::string style_text(const LayerPartition& partition) {
  std::string text = name_of(partition.style);
  if (partition.gather_output) text += ", gathered";
  if (partition.grad_allreduce) text += ", gradient summed";
  return text;
}

// "4 4 | 2 2 | 2 2": block by block, what each rank holds.
std::string cut_text(const LayerPartition& partition) {
  constexpr std::size_t most_blocks = 4;
  if (partition.style == LayerPartition::Style::replicated) return "-";
  if (partition.widths.empty()) return "even";
  std::string text;
  for (std::size_t i = 0; i < std::min(partition.widths.size(), most_blocks); ++i) {
    if (i > 0) text += " |";
    for (const std::int64_t width : partition.widths[i])
      text += (text.empty() ? "" : " ") + std::to_string(width);
  }
  return text + (partition.widths.size() > most_blocks ? " | ..." : "");
}

// In the order of the model; then those without a parameter of their own.
std::vector<std::string> modules_of(const Scenario& scenario) {
  std::vector<std::string> modules;
  const auto add = [&](const std::string& module) {
    if (scenario.partition.modules.contains(module) &&
        (modules.empty() || modules.back() != module))
      modules.push_back(module);
  };
  for (const ParameterDescription& parameter : scenario.model.parameters)
    add(parameter.name.substr(0, parameter.name.rfind('.')));
  if (!scenario.model.has_parameter("lm_head.weight")) add("lm_head");
  return modules;
}

}  // namespace

std::string print_partition(const Scenario& scenario) {
  const std::vector<std::string> modules = modules_of(scenario);
  LayerFold fold;
  for (const std::string& module : modules) {
    const LayerPartition& partition = scenario.partition.of(module);
    fold.add(module, style_text(partition) + cut_text(partition) + partition.rule);
  }
  TextTable table("<<<<");
  table.row({"module", "style", "cut", "decided by"});
  for (const LayerFold::Line& line : fold.lines()) {
    const LayerPartition& partition = scenario.partition.of(modules[line.first]);
    table.row({line.name, style_text(partition), cut_text(partition), partition.rule});
  }
  std::string text;
  if (!modules.empty()) text += "\nWhat tensor parallelism cuts\n" + table.text();
  for (const std::string& warning : scenario.partition.warnings)
    text += (text.empty() ? "\n" : "") + ("  warning: " + warning) + "\n";
  return text;
}

}  // namespace shardproof
