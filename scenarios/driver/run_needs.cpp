#include "scenarios/driver/run_needs.hpp"

#include <algorithm>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof {

namespace {

constexpr std::int64_t process_bytes = std::int64_t{100} << 20;

std::int64_t parameter_elements(const ModelDescription& model) {
  std::int64_t elements = 0;
  for (const ParameterDescription& parameter : model.stored())
    elements += element_count(parameter.shape);
  return elements;
}

// What one engine saves of the run.
std::int64_t checkpoint_bytes(const Scenario& scenario, const MemoryAccount& rank) {
  const std::int64_t sharded = scenario.world() * (rank.parameters + rank.optimizer);
  const std::int64_t whole =
      scenario.checkpoint.consolidated ? scenario.world() * rank.parameters : 0;
  return static_cast<std::int64_t>(scenario.checkpoint.save_after.size()) * (sharded + whole);
}

std::int64_t memory_bytes(const Scenario& scenario, const MemoryAccount& rank) {
  const std::int64_t cluster = rank.total_peak * scenario.world();
  const std::int64_t widened = 8 / static_cast<std::int64_t>(size_bytes(scenario.training.working));
  const std::int64_t oracle = std::int64_t{8} * 6 * parameter_elements(scenario.model) +
                              2 * widened * rank.activations_peak * scenario.world();
  const std::int64_t executions =
      (scenario.runs(Execution::reference) ? process_bytes + oracle : 0) +
      (scenario.runs(Execution::sim) ? process_bytes + 3 * cluster : 0) +
      (scenario.runs(Execution::real) ? scenario.world() * process_bytes + 3 * cluster : 0);
  const std::int64_t judge = process_bytes + 2 * oracle + 2 * cluster;
  return std::max(executions, judge);
}

}  // namespace

Needs run_needs(const Scenario& scenario, const Accounts& accounts,
                std::int64_t reference_trace_bytes, const std::string& out) {
  const MemoryAccount& rank = accounts.largest_rank;
  const std::int64_t engines =
      (scenario.runs(Execution::sim) ? 1 : 0) + (scenario.runs(Execution::real) ? 1 : 0);
  const std::int64_t disk = engines * (accounts.trace_bytes + checkpoint_bytes(scenario, rank)) +
                            (scenario.runs(Execution::reference) ? reference_trace_bytes : 0);
  return {static_cast<std::uint64_t>(memory_bytes(scenario, rank)),
          static_cast<std::uint64_t>(disk), out};
}

}  // namespace shardproof
