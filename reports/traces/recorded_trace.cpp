#include "reports/traces/recorded_trace.hpp"

#include "reports/traces/engine_trace.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

// Of a trace with a program or a log on some ranks only, EngineTrace says what is wrong.
bool has_programs(const TraceReader& reader) {
  for (int rank = 0; rank < reader.world(); ++rank)
    if (!reader.header(rank).program_json.empty()) return true;
  return false;
}

bool has_logs(const TraceReader& reader) {
  for (int rank = 0; rank < reader.world(); ++rank)
    if (!reader.accesses(rank).empty()) return true;
  return false;
}

}  // namespace

RecordedTrace::RecordedTrace(std::string execution, TraceReader reader)
    : execution_(std::move(execution)),
      reader_(std::move(reader)),
      failure_(read_collective_failure(reader_.folder())) {
  const TraceHeader& header = reader_.header();
  if (header.tp < 1 || header.dp < 1 || std::int64_t{header.tp} * header.dp != world())
    throw ScenarioError(reader_.folder() + ": the trace is of " + std::to_string(world()) +
                        " ranks, and says that they are tp " + std::to_string(header.tp) +
                        " x dp " + std::to_string(header.dp));
}

ProcessGrid RecordedTrace::grid() const {
  const TraceHeader& header = reader_.header();
  return ProcessGrid({.tp = header.tp, .dp = header.dp});
}

const StoredDataset* RecordedTrace::dataset(const std::string& path, int rank) const {
  const auto found = reader_.datasets().find(path);
  if (found == reader_.datasets().end()) return nullptr;
  for (const StoredDataset& stored : found->second)
    if (stored.rank == rank) return &stored;
  return nullptr;
}

std::unique_ptr<RecordedTrace> open_trace(const std::string& execution, const std::string& folder) {
  TraceReader reader(folder);
  if (has_programs(reader) && has_logs(reader))
    return std::make_unique<EngineTrace>(execution, std::move(reader));
  return std::make_unique<RecordedTrace>(execution, std::move(reader));
}

}  // namespace shardproof::reports
