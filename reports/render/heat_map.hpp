#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// HTML of the heat map tensor x rank: a table in a box that scrolls, its cells coloured and signed
/// by the part of the bound (heat_scale.hpp), with numbers where there are few ranks. The failing
/// cell has the id "failing-cell". "" where nothing was judged.
std::string heat_map_html(const std::vector<TensorRow>& tensors,
                          const std::optional<FirstDivergence>& first);

}  // namespace shardproof::reports
