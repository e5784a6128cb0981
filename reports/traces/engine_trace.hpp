#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

/// The trace of an engine execution ("sim" or "real"): files, and each rank's program as the trace
/// stores it. With a planted defect that is the edited program: the unedited one is never seen
/// here.
class EngineTrace {
 public:
  /// Throws ScenarioError if the folder holds no complete trace of an engine.
  EngineTrace(std::string execution, const std::string& folder);

  const std::string& execution() const { return execution_; }
  const TraceReader& reader() const { return reader_; }
  const Program& program(int rank) const { return programs_.at(static_cast<std::size_t>(rank)); }
  int world() const { return reader_.world(); }
  ProcessGrid grid() const { return programs_.front().grid(); }
  /// Everything a rank ran, in order. Throws ScenarioError if the log does not fit the program.
  const std::vector<ExecutedOp>& executed(int rank) const;
  /// How many rows the extents of a rank's program have at a moment, by the experts that it recorded
  /// as chosen; -1 where it recorded none that make sense.
  const RowCounts& rows(int rank, const Moment& moment) const;
  /// How many of a rank's tokens chose an expert, by what it recorded as `selected` (a path); nothing if
  /// it recorded nothing.
  std::optional<std::int64_t> chosen_rows(const std::string& selected, int rank,
                                          std::int64_t expert) const;
  /// The stored dataset of a path on a rank; nullptr if there is none.
  const StoredDataset* dataset(const std::string& path, int rank) const;

 private:
  std::string execution_;
  TraceReader reader_;
  std::vector<Program> programs_;
  std::vector<std::vector<ExecutedOp>> executed_;
  mutable std::map<std::pair<int, std::string>, RowCounts> rows_;  // by rank and folder
};

}  // namespace shardproof::reports
