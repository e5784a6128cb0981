#pragma once

#include <string>

#include "reports/traces/engine_trace.hpp"
#include "reports/verdict/unit_place.hpp"

namespace shardproof::reports {

/// An executed op of one rank, and what it names in the rank's program.
struct OpOnRank {
  const EngineTrace& trace;
  int rank;
  const ExecutedOp& executed;

  const Op& op() const { return *executed.op; }
  const Program& program() const { return trace.program(rank); }
  const Value& output(std::size_t i) const { return program().value(op().outputs[i]); }
  /// What the log says of the writing of an output; nullptr if it says nothing.
  const AccessRecord* write_of(std::size_t output) const {
    return output < executed.writes.size() ? executed.writes[output] : nullptr;
  }
  /// The rank's part of a value, with as many rows as there are at this moment.
  Shape shape_of(const Value& value) const {
    return local_shape(program(), value, Rank{rank}, rows());
  }
  const RowCounts& rows() const { return trace.rows(rank, executed.moment); }
  std::string folder() const { return folder_of(executed.moment); }
  UnitPlace place_of(std::size_t i) const {
    return {trace.execution(), output(i).name,   writer_name(op()), rank,
            executed.moment,   executed.sequence};
  }
};

}  // namespace shardproof::reports
