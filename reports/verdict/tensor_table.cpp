#include "reports/verdict/tensor_table.hpp"

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

void TensorTable::merge(const TensorTable& other) {
  for (const auto& [name, from] : other.rows_) {
    TensorRow& row = rows_[name];
    row.name = name;
    row.cells.resize(static_cast<std::size_t>(world_));
    for (std::size_t rank = 0; rank < row.cells.size(); ++rank) {
      TensorRow::Cell& cell = row.cells[rank];
      const TensorRow::Cell& found = from.cells[rank];
      cell.judged = cell.judged || found.judged;
      cell.max_ratio = std::max(cell.max_ratio, found.max_ratio);
      if (found.failed && !cell.failed) cell.first_failure = found.first_failure;
      cell.failed = cell.failed || found.failed;
    }
  }
}

std::vector<TensorRow> TensorTable::rows() const {
  std::vector<TensorRow> rows;
  for (const auto& [name, row] : rows_) rows.push_back(row);
  return rows;
}

}  // namespace shardproof::reports
