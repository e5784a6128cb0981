#include "reports/side_by_side/task_differences.hpp"

#include <algorithm>
#include <set>

#include "scenarios/config/scenario_writer.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

namespace {

// The scenario of one rank that computes the same: of all that is not the task, the default.
// A new key of a scenario counts until it is named here.
Scenario task_alone(const Scenario& scenario) {
  Scenario task;
  static_cast<Task&>(task) = static_cast<const Task&>(scenario);
  task.name = task.file = "";
  task.training.micro_batch *= task.replicas;  // the micro-batches of all replicas are one batch
  task.replicas = 1;
  task.training.working = Dtype::fp32;
  task.training.accumulate = std::nullopt;
  return task;
}

// A loss scale is of fp16 alone: between two dtypes it is part of how numbers are rounded.
void leave_out_scaling(Scenario& task) {
  task.training.loss_scale = {};
  task.training.check_grad_overflow = true;
  task.overflow_expected = false;
}

std::string text_of(const JsonValue* value) {
  return value == nullptr ? "nothing" : write_json(*value);
}

void add_differences(const std::string& key, const JsonValue* a, const JsonValue* b,
                     std::vector<std::string>& out) {
  const bool objects = a != nullptr && b != nullptr && a->is_object() && b->is_object();
  if (!objects) {
    if (text_of(a) != text_of(b)) out.push_back(key + ": " + text_of(a) + " and " + text_of(b));
    return;
  }
  std::set<std::string> keys;
  for (const JsonValue* object : {a, b})
    for (const JsonMember& member : object->members) keys.insert(member.key);
  for (const std::string& name : keys)
    add_differences((key.empty() ? "" : key + ".") + name, a->find(name), b->find(name), out);
}

}  // namespace

std::vector<std::string> task_differences(const Scenario& a, const Scenario& b) {
  Scenario task_a = task_alone(a), task_b = task_alone(b);
  if (a.training.working != b.training.working)
    for (Scenario* task : {&task_a, &task_b}) leave_out_scaling(*task);
  const JsonValue json_a = parse_json(write_scenario(task_a), "A");
  const JsonValue json_b = parse_json(write_scenario(task_b), "B");
  std::vector<std::string> differences;
  add_differences("", &json_a, &json_b, differences);
  return differences;
}

}  // namespace shardproof::reports
