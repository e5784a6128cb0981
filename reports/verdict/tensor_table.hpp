#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/step_errors.hpp"
#include "reports/verdict/unit_place.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// Collects what the units found: the table tensor x rank, for each tensor name the worst over all
/// moments, and the worst of each step. It grows with neither micro-steps nor elements.
class TensorTable {
 public:
  explicit TensorTable(int world) : world_(world) {}
  void add(const UnitPlace& place, const Comparison& comparison, Proof proof);
  /// What would have been seen there, and what not.
  void add_power(const UnitPlace& place, const std::optional<Power>& power, const char* vacuous);
  /// Nothing can be said of what an op wrote there.
  void add_unknown(const UnitPlace& place) { cell_of(place).unknown = true; }
  /// Of a judgement that is of no single rank's op: its step alone.
  void add_step(const UnitPlace& place, const Comparison& comparison, Proof proof) {
    steps_.add(place, comparison, proof);
  }
  /// Marks the row of the first divergence. Where no unit of it has one (a leaf, bytes that changed
  /// after they were written), it gets its failing cells, or its row, here. `sequence` is its place
  /// in the order of its rank.
  void mark_first(const FirstDivergence& first, std::int64_t sequence);
  /// In the order of execution.
  std::vector<TensorRow> rows() const;
  std::vector<StepError> steps() const { return steps_.steps(); }

 private:
  TensorRow& row_of(const std::string& name, const std::string& op, std::int64_t sequence);
  TensorRow::Cell& cell_of(const UnitPlace& place);
  TensorRow* written_by(const FirstDivergence& first);

  int world_;
  std::map<std::string, TensorRow> rows_;
  StepErrors steps_;
};

}  // namespace shardproof::reports
