#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// The heat map as it fits on a page: rows (tensors, in the order of execution) and columns
/// (ranks), neighbours folded where there are too many. A folded cell is the worst of what it
/// stands for. The row and the column of the first divergence are never folded, nor are other
/// failing rows while they are few.
///
///   10 rows, at most 5, row 4 fails:  [0 1 2] [3] 4 [5 6 7] [8 9]
struct HeatGrid {
  struct Column {
    int first = 0, last = 0;  // ranks
  };
  struct Row {
    std::string name;      // of the first of those it stands for
    std::size_t rows = 1;  // that it stands for
    bool failed = false;
    bool holds_first_divergence = false;
    std::vector<TensorRow::Cell> cells;  // by column
  };
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::size_t folded = 0;  // rows that share one with others
};

struct HeatLimits {
  std::size_t cells = 32'000;
  std::size_t rows = 1000;
  std::size_t columns = 256;
};

/// `first_rank` is that of the first divergence; -1: there is none.
HeatGrid heat_grid(const std::vector<TensorRow>& tensors, int first_rank,
                   const HeatLimits& limits = {});

}  // namespace shardproof::reports
