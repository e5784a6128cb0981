#pragma once

#include <vector>

#include "reference/bounds/replay.hpp"
#include "reports/compare/element_compare.hpp"
#include "reports/values/tensor_view.hpp"

namespace shardproof::reports {

/// A function of recorded tensors, and what was recorded as its result.
struct JudgedUnit {
  reference::UnitKind kind;
  reference::UnitAttributes attributes;
  reference::UnitPrecision precision;
  std::vector<SharedTensor> arguments;
  SharedTensor result;
  NonFinite non_finite = NonFinite::refused;
};

}  // namespace shardproof::reports
