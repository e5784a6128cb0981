#pragma once

#include <memory>
#include <optional>
#include <string>

#include "scenarios/plan/process_grid.hpp"
#include "scenarios/trace/collective_failure.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

class EngineTrace;

/// What an execution recorded: headers and datasets. That is all that a program which is not
/// Shardproof needs to write to be judged (docs/trace_format.md); checks that need no more take it.
class RecordedTrace {
 public:
  /// Throws ScenarioError if the grid that the headers tell is not one of as many ranks.
  RecordedTrace(std::string execution, TraceReader reader);
  virtual ~RecordedTrace() = default;
  RecordedTrace(const RecordedTrace&) = delete;
  RecordedTrace& operator=(const RecordedTrace&) = delete;

  /// "sim", "real", or how the judge was told to call it.
  const std::string& execution() const { return execution_; }
  const TraceReader& reader() const { return reader_; }
  int world() const { return reader_.world(); }
  ProcessGrid grid() const;
  /// The stored dataset of a path on a rank; nullptr if there is none.
  const StoredDataset* dataset(const std::string& path, int rank) const;
  /// Why it ends before the run was over; nothing if it does not.
  const std::optional<CollectiveFailure>& failure() const { return failure_; }
  /// The same trace with its programs and logs; nullptr if it was recorded without them.
  virtual const EngineTrace* engine() const { return nullptr; }

 private:
  std::string execution_;
  TraceReader reader_;
  std::optional<CollectiveFailure> failure_;
};

/// Opens the trace in a folder: an EngineTrace if it has programs and logs. Throws ScenarioError if
/// the folder holds no complete trace, or one whose log does not fit its program.
std::unique_ptr<RecordedTrace> open_trace(const std::string& execution, const std::string& folder);

}  // namespace shardproof::reports
