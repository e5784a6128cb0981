#include "reports/tensor_table.hpp"

#include <algorithm>

namespace shardproof::reports {

void TensorTable::add(const std::string& name, int rank, const Moment& moment,
                      const Comparison& comparison) {
  TensorRow& row = rows_[name];
  row.name = name;
  row.cells.resize(static_cast<std::size_t>(world_));
  TensorRow::Cell& cell = row.cells[static_cast<std::size_t>(rank)];
  cell.judged = cell.judged || comparison.compared > 0;
  cell.max_ratio = std::max(cell.max_ratio, comparison.max_ratio);
  if (comparison.failed > 0 && !cell.failed) cell.first_failure = folder_of(moment);
  cell.failed = cell.failed || comparison.failed > 0;
}

std::vector<TensorRow> TensorTable::rows() const {
  std::vector<TensorRow> rows;
  for (const auto& [name, row] : rows_) rows.push_back(row);
  return rows;
}

}  // namespace shardproof::reports
