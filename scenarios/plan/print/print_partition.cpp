#include "scenarios/plan/print/print_partition.hpp"

#include <algorithm>

#include "scenarios/model/families.hpp"
#include "scenarios/partition/output_projection.hpp"
#include "scenarios/plan/print/layer_fold.hpp"
#include "scenarios/plan/print/text_table.hpp"

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
  const std::string& head = family_of(scenario.model.family).head;
  if (!scenario.model.has_parameter(head + ".weight")) add(head);
  return modules;
}

const char* autotp_class(const std::string& module, const LayerPartition& partition) {
  const bool in_blocks = partition.widths.size() > 1;
  switch (partition.style) {
    case LayerPartition::Style::replicated: return "Linear";
    case LayerPartition::Style::column: return in_blocks ? "SubParamLinearLayer" : "LinearLayer";
    case LayerPartition::Style::row: break;
  }
  if (is_output_projection(module)) return "LmHeadLinearAllreduce";
  return in_blocks ? "SubParamLinearAllreduce" : "LinearAllreduce";
}

JsonValue widths_json(const Widths& widths) {
  JsonValue blocks = JsonValue::array();
  for (const auto& block : widths) {
    JsonValue ranks = JsonValue::array();
    for (const std::int64_t width : block) ranks.append(width);
    blocks.append(std::move(ranks));
  }
  return blocks;
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

JsonValue partition_json(const Scenario& scenario) {
  JsonValue layers = JsonValue::array();
  for (const ParameterDescription& parameter : scenario.model.parameters) {
    const bool linear = parameter.module_class == ModuleClass::linear ||
                        parameter.module_class == ModuleClass::conv1d;
    if (!linear || !parameter.name.ends_with(".weight")) continue;
    const std::string module = parameter.name.substr(0, parameter.name.rfind('.'));
    const LayerPartition& partition = scenario.partition.of(module);
    layers.append(JsonValue::object()
                      .set("module", module)
                      .set("class", autotp_class(module, partition))
                      .set("style", name_of(partition.style))
                      .set("gather_output", partition.gather_output)
                      .set("widths", widths_json(partition.widths))
                      .set("decided_by", partition.rule));
  }
  return layers;
}

}  // namespace shardproof
