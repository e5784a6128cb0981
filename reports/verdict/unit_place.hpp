#pragma once

#include <cstdint>
#include <string>

#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// Where a unit stands: what it wrote, on which rank, and when.
struct UnitPlace {
  std::string execution;  // "sim" | "real"
  std::string name;       // of the tensor, without its folder
  std::string op;         // that wrote it; "": not known
  int rank = 0;
  Moment moment;
  std::int64_t sequence = 0;  // in the order of its rank
};

}  // namespace shardproof::reports
