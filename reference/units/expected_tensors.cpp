#include "reference/units/expected_tensors.hpp"

#include "reference/models/families.hpp"
#include "reference/ops/loss_scaler.hpp"
#include "reference/units/graph_units.hpp"
#include "reference/units/step_units.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

std::string micro_folder(int step, int micro) {
  return folder_of({Moment::Stage::step, step, micro});
}
const Shape one_element{1};

}  // namespace

std::vector<Unit> expected_units(const Task& task, const MeanOverReplicas& mean,
                                 const SkippedSteps& skipped) {
  const Graph graph = graph_of(task);
  std::vector<Unit> units;
  append_tables(graph, units);
  if (task.trains() && task.resume.empty()) append_masters(task, units);
  int last_update = -1;
  for (int step = task.first_step; step < task.steps; ++step) {
    for (int micro = 0; micro < task.training.accumulation; ++micro) {
      append_micro_step(graph, step, micro, last_update, units);
      if (task.trains()) append_accumulation(task, mean, step, micro, units);
    }
    if (!task.trains()) continue;
    append_reduction(task, mean, step, units);
    append_overflow(task, step, units);
    if (skipped.contains(step)) continue;
    append_norm(task, step, units);
    append_update(task, step, last_update, units);
    last_update = step;
  }
  return units;
}

std::vector<std::pair<std::string, Shape>> expected_leaves(const Task& task,
                                                           const SkippedSteps& skipped) {
  std::vector<std::pair<std::string, Shape>> leaves;
  for (const ParameterDescription& p : task.model.stored())
    leaves.emplace_back("/initial/parameter/" + p.name, p.shape);
  if (!task.resume.empty())
    for (const ParameterDescription& p : task.model.parameters)
      for (const std::string& state : optimizer_tensors(task.training.optimizer))
        leaves.emplace_back("/initial/optimizer/" + p.name + "/" + state, p.shape);
  const Shape batch{std::int64_t{task.replicas} * task.training.micro_batch, task.data.sequence};
  for (int step = task.first_step; step < task.steps; ++step) {
    for (int micro = 0; micro < task.training.accumulation; ++micro)
      leaves.emplace_back(micro_folder(step, micro) + "/data/tokens", batch);
    if (!task.trains()) continue;
    if (scales_loss(task.training))
      leaves.emplace_back(step_folder(step) + "/scalar/loss_scale", one_element);
    if (skipped.contains(step)) continue;
    for (const std::string& name : scalar_names(task.training.optimizer))
      leaves.emplace_back(step_folder(step) + "/scalar/" + name, one_element);
  }
  return leaves;
}

std::int64_t output_elements(const std::vector<Unit>& units) {
  std::int64_t count = 0;
  for (const Unit& unit : units) count += element_count(unit.shape);
  return count;
}

}  // namespace shardproof::reference
