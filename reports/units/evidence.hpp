#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/units/unit_judgement.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

/// What a result was held against when it was found wrong: enough to ask again what it would be if
/// something were otherwise. It holds no elements, only where they lie.
struct Evidence {
  JudgedUnit unit;                // `copy` of what it must be, where that follows bit by bit
  std::int64_t first_failed = 0;  // element of unit.result
  /// Of a result that is a full tensor: where its arguments are recorded.
  std::vector<std::string> inputs = {};
  /// Of one that is what a rank has written: which value of its program; -1: it is a full tensor.
  ValueId value = -1;
  /// Of a reduction: what the members brought, by group rank, and in what it was added.
  std::vector<SharedTensor> terms = {};
  Dtype wire = Dtype::fp64;
};

}  // namespace shardproof::reports
