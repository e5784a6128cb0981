#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// The table tensor x rank as page.js reads it.
struct TensorData {
  std::string json;          // {"ranks": 2, "rows": [["forward/model.norm/output", [0.4, null]]]}
  std::size_t left_out = 0;  // rows that did not fit
};

/// Failing rows first, else in the order given. Stops before `max_bytes`, so that a page of a large
/// run still opens.
TensorData tensor_data(const std::vector<TensorRow>& rows, std::size_t max_bytes);

}  // namespace shardproof::reports
