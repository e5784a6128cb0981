#include "scenarios/config/parameter_groups.hpp"

#include <algorithm>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/partition/pattern.hpp"

namespace shardproof {

namespace {

std::vector<Pattern> patterns_of(const ParameterGroup& group) {
  std::vector<Pattern> patterns;
  for (const std::string& text : group.patterns)
    patterns.emplace_back(text, "parameter_groups", SourcePlace{});
  return patterns;
}

bool matches(const std::vector<Pattern>& patterns, const std::string& parameter) {
  return std::ranges::any_of(patterns,
                             [&](const Pattern& pattern) { return pattern.matches(parameter); });
}

void read_pattern(const JsonValue& value, const std::string& name, const ModelDescription& model,
                  ParameterGroup& group) {
  const Pattern pattern(as_string(value, name), name, value.place);
  const bool found = std::ranges::any_of(
      model.parameters, [&](const ParameterDescription& p) { return pattern.matches(p.name); });
  if (!found) refuse_value(value, name, "matches no parameter of the model");
  group.patterns.push_back(pattern.text());
}

ParameterGroup read_group(const JsonValue& json, const std::string& name,
                          const ModelDescription& model) {
  ObjectReader reader(json, name);
  ParameterGroup group;
  const JsonValue& patterns =
      reader.require("patterns", "expected a list of patterns of parameter names");
  if (!patterns.is_array() || patterns.elements.empty())
    refuse_value(patterns, reader.name("patterns"), "expected a list of one or more patterns");
  for (std::size_t i = 0; i < patterns.elements.size(); ++i)
    read_pattern(patterns.elements[i], reader.name("patterns") + "[" + std::to_string(i) + "]",
                 model, group);
  group.weight_decay = as_number(reader.require("weight_decay", "expected a number"),
                                 reader.name("weight_decay"), {.lowest = 0});
  reader.finish();
  return group;
}

}  // namespace

std::vector<ParameterGroup> parameter_groups_from_json(const JsonValue& list,
                                                       const ModelDescription& model) {
  if (!list.is_array()) refuse_value(list, "parameter_groups", "expected a list of groups");
  std::vector<ParameterGroup> groups;
  std::vector<bool> taken(model.parameters.size());
  for (std::size_t g = 0; g < list.elements.size(); ++g) {
    const std::string name = "parameter_groups[" + std::to_string(g) + "]";
    groups.push_back(read_group(list.elements[g], name, model));
    const std::vector<Pattern> patterns = patterns_of(groups.back());
    bool any = false;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (taken[i] || !matches(patterns, model.parameters[i].name)) continue;
      any = taken[i] = true;
    }
    if (!any)
      throw ScenarioError(list.elements[g].place,
                          name + ": every parameter that it matches is in an earlier group");
  }
  return groups;
}

JsonValue to_json(const std::vector<ParameterGroup>& groups) {
  JsonValue list = JsonValue::array();
  for (const ParameterGroup& group : groups) {
    JsonValue patterns = JsonValue::array();
    for (const std::string& pattern : group.patterns) patterns.append(pattern);
    list.append(JsonValue::object()
                    .set("patterns", std::move(patterns))
                    .set("weight_decay", group.weight_decay));
  }
  return list;
}

std::vector<std::size_t> groups_of_parameters(const Task& task) {
  std::vector<std::vector<Pattern>> patterns;
  for (const ParameterGroup& group : task.parameter_groups) patterns.push_back(patterns_of(group));
  std::vector<std::size_t> groups;
  for (const ParameterDescription& parameter : task.model.parameters) {
    std::size_t g = 0;
    while (g < patterns.size() && !matches(patterns[g], parameter.name)) ++g;
    groups.push_back(g);
  }
  return groups;
}

double weight_decay_of(const Task& task, std::size_t group) {
  return group < task.parameter_groups.size() ? task.parameter_groups[group].weight_decay
                                              : task.training.optimizer.weight_decay;
}

std::string optimizer_module(const Task& task, std::size_t group) {
  return task.parameter_groups.empty() ? "optimizer" : "optimizer.group_" + std::to_string(group);
}

}  // namespace shardproof
