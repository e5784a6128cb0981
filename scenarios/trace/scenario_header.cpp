#include "scenarios/trace/scenario_header.hpp"

#include "scenarios/config/scenario_writer.hpp"

namespace shardproof {

TraceHeader header_of(const Scenario& scenario, Execution execution) {
  TraceHeader header;
  header.execution = name_of(execution);
  header.scenario_hash = scenario_hash(scenario);
  header.model_hash = hash_of(scenario.model);
  header.scenario_json = write_scenario(scenario);
  header.settings["seed"] = std::to_string(scenario.seed);
  return header;
}

}  // namespace shardproof
