#pragma once

#include <map>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/verdict.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// Collects the table tensor x rank: for each tensor name, the worst of what its units found.
class TensorTable {
 public:
  explicit TensorTable(int world) : world_(world) {}
  void add(const std::string& name, int rank, const Moment& moment, const Comparison& comparison);
  /// Takes over what another table has found.
  void merge(const TensorTable& other);
  std::vector<TensorRow> rows() const;

 private:
  int world_;
  std::map<std::string, TensorRow> rows_;
};

}  // namespace shardproof::reports
