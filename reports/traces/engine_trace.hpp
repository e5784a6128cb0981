#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/traces/recorded_trace.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// One executed op of one rank, as its trace tells it: the program's op, what it read and wrote.
struct ExecutedOp {
  Moment moment;
  std::int64_t sequence = 0;
  const Segment* segment = nullptr;
  const Op* op = nullptr;
  std::vector<const AccessRecord*> reads;   // in the order of the op's inputs
  std::vector<const AccessRecord*> writes;  // in the order of its outputs
};

/// Weights, masters and moments: what a step leaves to the next one.
bool outlives_step(const Value& value);

/// The trace of an execution by our engine: what it recorded, each rank's program as the trace
/// stores it, and what it ran of it. With a planted defect that is the edited program: the unedited
/// one is never seen here.
class EngineTrace : public RecordedTrace {
 public:
  /// Throws ScenarioError if some rank has no program, or a log that does not fit it.
  EngineTrace(std::string execution, TraceReader recorded);
  EngineTrace(std::string execution, const std::string& folder)
      : EngineTrace(std::move(execution), TraceReader(folder)) {}

  const EngineTrace* engine() const override { return this; }
  const Program& program(int rank) const { return programs_.at(static_cast<std::size_t>(rank)); }
  /// Everything a rank ran, in order. Throws ScenarioError if the log does not fit the program.
  const std::vector<ExecutedOp>& executed(int rank) const;
  /// How many rows the extents of a rank's program have at a moment, by the experts that it
  /// recorded as chosen; -1 where it recorded none that make sense.
  const RowCounts& rows(int rank, const Moment& moment) const;
  /// How many of a rank's tokens chose an expert, by what it recorded as `selected` (a path);
  /// nothing if it recorded nothing.
  std::optional<std::int64_t> chosen_rows(const std::string& selected, int rank,
                                          std::int64_t expert) const;

 private:
  std::vector<Program> programs_;
  std::vector<std::vector<ExecutedOp>> executed_;
  mutable std::map<std::pair<int, std::string>, RowCounts> rows_;  // by rank and folder
};

}  // namespace shardproof::reports
