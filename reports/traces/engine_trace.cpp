#include "reports/traces/engine_trace.hpp"

#include <algorithm>
#include <cstring>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/program_json.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

template <class Items>
const auto* at_or_null(const Items& items, std::int64_t i) {
  return i >= 0 && i < static_cast<std::int64_t>(items.size()) ? &items[static_cast<std::size_t>(i)]
                                                               : nullptr;
}

std::vector<ExecutedOp> group_accesses(const Program& program,
                                       const std::vector<AccessRecord>& accesses,
                                       const std::string& where) {
  std::vector<ExecutedOp> executed;
  for (const AccessRecord& access : accesses) {
    if (executed.empty() || executed.back().sequence != access.sequence) {
      const Segment* segment = at_or_null(program.segments, access.segment);
      const Op* op = segment == nullptr ? nullptr : at_or_null(segment->ops, access.op);
      if (op == nullptr)
        throw ScenarioError(where + ": the log names an op that the program does not have");
      executed.push_back({access.moment, access.sequence, segment, op, {}, {}});
    }
    if (at_or_null(program.values, access.value) == nullptr)
      throw ScenarioError(where + ": the log names a value that the program does not have");
    (access.write ? executed.back().writes : executed.back().reads).push_back(&access);
  }
  return executed;
}

}  // namespace

bool outlives_step(const Value& value) {
  return value.lifetime == Lifetime::state &&
         (value.name.starts_with("parameter/") ||
          (value.name.starts_with("optimizer/") && value.name != "optimizer/*/gradient"));
}

EngineTrace::EngineTrace(std::string execution, TraceReader recorded)
    : RecordedTrace(std::move(execution), std::move(recorded)) {
  const auto where = [&](int rank) { return reader().folder() + ", rank " + std::to_string(rank); };
  for (int rank = 0; rank < world(); ++rank) {
    Pulse::of_this_process().beat();
    programs_.push_back(program_from_json(
        parse_json(reader().header(rank).program_json, where(rank) + ", /program")));
    const ProcessGrid of_program = programs_.back().grid();
    if (of_program.size(Axis::tp) != grid().size(Axis::tp) ||
        of_program.size(Axis::dp) != grid().size(Axis::dp))
      throw ScenarioError(where(rank) + ": the program is one for " +
                          std::to_string(of_program.world()) + " ranks, tp " +
                          std::to_string(of_program.size(Axis::tp)));
  }
  for (int rank = 0; rank < world(); ++rank) {
    Pulse::of_this_process().beat();
    executed_.push_back(group_accesses(program(rank), reader().accesses(rank), where(rank)));
  }
}

const std::vector<ExecutedOp>& EngineTrace::executed(int rank) const {
  return executed_.at(static_cast<std::size_t>(rank));
}

const RowCounts& EngineTrace::rows(int rank, const Moment& moment) const {
  const Program& of_rank = program(rank);
  const auto [found, is_new] = rows_.try_emplace({rank, folder_of(moment)});
  RowCounts& rows = found->second;
  if (!is_new || of_rank.extents.empty()) return rows;
  rows.assign(of_rank.extents.size(), -1);
  for (std::size_t i = 0; i < of_rank.extents.size(); ++i) {
    const Extent& extent = of_rank.extents[i];
    const auto count = chosen_rows(folder_of(moment) + "/" + of_rank.value(extent.source).name,
                                   rank, extent.expert);
    if (count && *count <= extent.bound) rows[i] = *count;
  }
  return rows;
}

std::optional<std::int64_t> EngineTrace::chosen_rows(const std::string& selected, int rank,
                                                     std::int64_t expert) const {
  const StoredDataset* stored = dataset(selected, rank);
  if (stored == nullptr || stored->info.dtype != Dtype::int64) return std::nullopt;
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(element_count(stored->info.regions)));
  const auto bytes = reader().read(*stored);
  std::memcpy(chosen.data(), bytes.data(), std::min(bytes.size(), chosen.size() * sizeof(expert)));
  return std::count(chosen.begin(), chosen.end(), expert);
}

}  // namespace shardproof::reports
