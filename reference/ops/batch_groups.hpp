#pragma once

#include <cstdint>

#include "scenarios/errors.hpp"

namespace shardproof::reference {

/// The batch group of a row, when `rows` rows are cut into `groups` equal parts.
class GroupOfRow {
 public:
  GroupOfRow(std::int64_t rows, std::int64_t groups) : rows_per_group_(rows / groups) {
    SHARDPROOF_EXPECTS(groups > 0 && rows % groups == 0, rows, groups);
  }
  std::int64_t operator()(std::int64_t row) const { return row / rows_per_group_; }

 private:
  std::int64_t rows_per_group_;
};

}  // namespace shardproof::reference
