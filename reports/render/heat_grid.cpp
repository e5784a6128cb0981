#include "reports/render/heat_grid.hpp"

#include <algorithm>

namespace shardproof::reports {

namespace {

std::size_t quotient_up(std::size_t count, std::size_t by) { return (count + by - 1) / by; }

bool fails(const TensorRow& row) {
  return std::ranges::any_of(row.cells, &TensorRow::Cell::failed);
}

// Cut on both sides of the one that stands alone, so at most two more than ranks / width.
std::vector<HeatGrid::Column> columns_of(int ranks, int alone, std::size_t most) {
  const auto count = static_cast<std::size_t>(ranks);
  const int width = static_cast<int>(count <= most ? 1 : quotient_up(count, most - 2));
  std::vector<HeatGrid::Column> columns;
  for (int rank = 0; rank < ranks; ++rank) {
    const bool begins = rank % width == 0 || rank == alone || rank == alone + 1;
    if (begins) columns.push_back({rank, rank});
    columns.back().last = rank;
  }
  return columns;
}

// Which rows are shown alone: all, or of those that fail as many as a quarter of the page holds.
std::vector<bool> alone(const std::vector<TensorRow>& tensors, std::size_t most) {
  std::vector<bool> single(tensors.size(), tensors.size() <= most);
  if (tensors.size() <= most) return single;
  std::size_t left = most / 4;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool first = tensors[i].holds_first_divergence;
    single[i] = first || (left > 0 && fails(tensors[i]));
    if (single[i] && !first) --left;
  }
  return single;
}

void add(HeatGrid::Row& row, const TensorRow& tensor,
         const std::vector<HeatGrid::Column>& columns) {
  row.cells.resize(columns.size());
  row.failed = row.failed || fails(tensor);
  row.holds_first_divergence = row.holds_first_divergence || tensor.holds_first_divergence;
  for (std::size_t i = 0; i < columns.size(); ++i)
    for (int rank = columns[i].first; rank <= columns[i].last; ++rank)
      if (static_cast<std::size_t>(rank) < tensor.cells.size())
        row.cells[i].join(tensor.cells[static_cast<std::size_t>(rank)]);
}

}  // namespace

HeatGrid heat_grid(const std::vector<TensorRow>& tensors, int first_rank,
                   const HeatLimits& limits) {
  HeatGrid grid;
  if (tensors.empty()) return grid;
  const auto ranks = std::ranges::max(tensors, {}, [](const TensorRow& row) {
                       return row.cells.size();
                     }).cells.size();
  grid.columns = columns_of(static_cast<int>(ranks), first_rank, limits.columns);
  const std::size_t most =
      std::min(limits.rows, limits.cells / std::max<std::size_t>(1, grid.columns.size()));
  const std::vector<bool> single = alone(tensors, most);
  // Each that stands alone may cut one group in two.
  const auto singles = static_cast<std::size_t>(std::ranges::count(single, true));
  const std::size_t slots = most > 2 * singles ? most - 2 * singles : 1;
  const std::size_t height = quotient_up(tensors.size() - singles, slots);
  bool open = false;  // whether the last row takes more
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!open || single[i] || grid.rows.back().rows == height) {
      grid.rows.push_back({.name = tensors[i].name, .cells = {}});
    } else {
      ++grid.rows.back().rows;
    }
    add(grid.rows.back(), tensors[i], grid.columns);
    open = !single[i];
  }
  for (const HeatGrid::Row& row : grid.rows)
    if (row.rows > 1) grid.folded += row.rows;
  return grid;
}

}  // namespace shardproof::reports
