#include "reports/verdict/tensor_table.hpp"

#include <algorithm>

#include "reports/verdict/first_divergence.hpp"

namespace shardproof::reports {

TensorRow& TensorTable::row_of(const std::string& name, const std::string& op,
                               std::int64_t sequence) {
  const auto [found, is_new] = rows_.try_emplace(name);
  TensorRow& row = found->second;
  if (is_new) {
    row.name = name;
    row.order = sequence;
    row.cells.resize(static_cast<std::size_t>(world_));
  }
  if (row.op.empty()) row.op = op;
  row.order = std::min(row.order, sequence);
  return row;
}

TensorRow::Cell& TensorTable::cell_of(const UnitPlace& place) {
  return row_of(place.name, place.op, place.sequence)
      .cells.at(static_cast<std::size_t>(place.rank));
}

void TensorTable::add(const UnitPlace& place, const Comparison& comparison, Proof proof) {
  const bool failed = comparison.failed > 0;
  cell_of(place).join({.judged = comparison.compared > 0,
                       .failed = failed,
                       .max_ratio = comparison.max_ratio,
                       .first_failure = failed ? folder_of(place.moment) : "",
                       .bounded = comparison.compared > 0 && proof != Proof::bitwise});
  steps_.add(place, comparison, proof);
}

void TensorTable::add_power(const UnitPlace& place, const std::optional<Power>& power,
                            const char* vacuous) {
  if (is_of_checksum(place.name)) return;
  TensorRow& row = row_of(place.name, place.op, place.sequence);
  if (power && row.power) row.power->join(*power);
  if (power && !row.power) row.power = power;
  if (vacuous == nullptr)
    row.has_power = true;
  else
    row.vacuous = vacuous;
}

// An op may write several tensors: the one that is named, else one that is wrong, else any.
TensorRow* TensorTable::written_by(const FirstDivergence& first) {
  const auto rank = static_cast<std::size_t>(first.rank);
  TensorRow* best = nullptr;
  int best_fit = -1;
  for (auto& [name, row] : rows_) {
    if (first.op.empty() || row.op != first.op) continue;
    const int fit = first.tensor.ends_with("/" + name) ? 2 : row.cells.at(rank).failed ? 1 : 0;
    if (fit > best_fit) best = &row;
    best_fit = std::max(best_fit, fit);
  }
  return best;
}

namespace {

// What lies in a checkpoint is no tensor of a trace: it keeps its whole path.
std::string row_name(const FirstDivergence& first) {
  if (!first.tensor.starts_with('/')) return first.op;
  return first.tensor.starts_with("/checkpoints/") ? first.tensor : name_in_folder(first.tensor);
}

}  // namespace

void TensorTable::mark_first(const FirstDivergence& first, std::int64_t sequence) {
  TensorRow* row = written_by(first);
  if (row == nullptr) row = &row_of(row_name(first), first.op, sequence);
  row->holds_first_divergence = true;
  std::vector<int> ranks = first.ranks;
  ranks.push_back(first.rank);
  for (const int rank : ranks) {
    TensorRow::Cell& cell = row->cells.at(static_cast<std::size_t>(rank));
    cell.join({.failed = true, .first_failure = folder_of(first.moment)});
    if (cell.max_ratio <= 1) cell.bounded = false;  // it failed otherwise than by its bound
  }
}

std::vector<TensorRow> TensorTable::rows() const {
  std::vector<TensorRow> rows;
  for (const auto& [name, row] : rows_) {
    rows.push_back(row);
    if (row.has_power) rows.back().vacuous.clear();
  }
  std::ranges::stable_sort(rows, {}, &TensorRow::order);
  return rows;
}

}  // namespace shardproof::reports
