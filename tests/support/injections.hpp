#pragma once

#include <string>
#include <utility>
#include <vector>

#include "scenarios/settings/injection.hpp"

namespace shardproof::tests {

/// A defect to plant; on all ranks, unless some are named. What else its edit needs is set
/// afterwards.
inline Injection inject(const std::string& edit, const std::string& op,
                        std::vector<int> ranks = {}) {
  Injection injection;
  injection.edit = from_name<EditKind>(edit).value();
  injection.op = op;
  injection.ranks = std::move(ranks);
  return injection;
}

}  // namespace shardproof::tests
