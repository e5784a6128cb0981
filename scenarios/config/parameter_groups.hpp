#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/task.hpp"

namespace shardproof {

/// Reads "parameter_groups": [{ "patterns": [".*bias"], "weight_decay": 0.0 }]. A group has
/// patterns and a weight decay; each pattern matches some parameter of the model, and each group
/// has one that no earlier group has. Throws ScenarioError with the place of what is wrong.
std::vector<ParameterGroup> parameter_groups_from_json(const JsonValue& list,
                                                       const ModelDescription& model);
/// The list from which parameter_groups_from_json gives the same.
JsonValue to_json(const std::vector<ParameterGroup>& groups);

/// For each of the model's parameters, the index of the group that it is updated in: that of the
/// first of Task::parameter_groups with a pattern that matches, or one more than the last.
std::vector<std::size_t> groups_of_parameters(const Task& task);

/// Of a group, or of what is in none, the last one: the optimizer's own.
double weight_decay_of(const Task& task, std::size_t group);

/// The module under which a group is updated: "optimizer.group_1", or where there are no groups
/// "optimizer".
std::string optimizer_module(const Task& task, std::size_t group);

}  // namespace shardproof
