#include "scenarios/plan/print/print.hpp"
#include "scenarios/plan/print/print_partition.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof {

namespace {

JsonValue groups_json(const ProcessGrid& grid, Axis axis) {
  JsonValue groups = JsonValue::array();
  for (int r = 0; r < grid.world(); ++r) {
    if (grid.group_rank(Rank{r}, axis).value != 0) continue;
    JsonValue group = JsonValue::array();
    for (const Rank member : grid.group(Rank{r}, axis)) group.append(member.value);
    groups.append(std::move(group));
  }
  return groups;
}

JsonValue grid_json(const Program& program) {
  const ProcessGrid grid = program.grid();
  return JsonValue::object()
      .set("world", grid.world())
      .set("tp", program.tp)
      .set("dp", program.dp)
      .set("tp_groups", groups_json(grid, Axis::tp))
      .set("dp_groups", groups_json(grid, Axis::dp))
      .set("steps", program.steps)
      .set("first_step", program.first_step)
      .set("micro_steps", program.accumulation);
}

JsonValue parameter_json(const OwnedParameter& parameter) {
  JsonValue shape = JsonValue::array();
  for (const std::int64_t extent : parameter.value->shape) shape.append(extent);
  return JsonValue::object()
      .set("name", parameter.name)
      .set("shape", std::move(shape))
      .set("dtype", name_of(parameter.value->dtype))
      .set("placement", to_string(parameter.value->placement))
      .set("bytes_per_rank", parameter.bytes)
      .set("least_bytes_per_rank", parameter.least_bytes);
}

JsonValue collective_json(const CollectiveAccount& collective) {
  return JsonValue::object()
      .set("origin", collective.origin)
      .set("kind", collective.kind)
      .set("group", name_of(collective.group))
      .set("dtype", name_of(collective.dtype))
      .set("elements", collective.elements)
      .set("least_elements", collective.least_elements)
      .set("bytes", collective.bytes)
      .set("per", collective.per)
      .set("times", collective.times);
}

JsonValue memory_json(const MemoryAccount& memory) {
  return JsonValue::object()
      .set("parameters", memory.parameters)
      .set("gradients", memory.gradients)
      .set("optimizer", memory.optimizer)
      .set("buffers", memory.buffers)
      .set("activations_peak", memory.activations_peak)
      .set("total_peak", memory.total_peak);
}

}  // namespace

JsonValue plan_json(const Program& program, const Accounts& accounts, const Scenario& scenario) {
  JsonValue parameters = JsonValue::array();
  for (const OwnedParameter& parameter : owned_parameters(program))
    parameters.append(parameter_json(parameter));
  JsonValue collectives = JsonValue::array();
  for (const CollectiveAccount& collective : accounts.collectives)
    collectives.append(collective_json(collective));
  JsonValue warnings = JsonValue::array();
  for (const std::string& warning : scenario.partition.warnings) warnings.append(warning);
  return JsonValue::object()
      .set("schema", "shardproof-plan-1")
      .set("grid", grid_json(program))
      .set("partition", partition_json(scenario))
      .set("warnings", std::move(warnings))
      .set("parameters", std::move(parameters))
      .set("collectives", std::move(collectives))
      .set("memory", JsonValue::object()
                         .set("smallest_rank", memory_json(accounts.smallest_rank))
                         .set("largest_rank", memory_json(accounts.largest_rank)))
      .set("trace_bytes", accounts.trace_bytes)
      .set("program_hash", hash_of(program));
}

}  // namespace shardproof
