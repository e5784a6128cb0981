#pragma once

#include "reference/bounds/bounds.hpp"

/// Cross-entropy over V classes, mean over the labels >= 0 of each batch group.
namespace shardproof::reference {

UnitResult replay_cross_entropy(const UnitCall& unit);  // (groups)
UnitResult replay_cross_entropy_backward(
    const UnitCall& unit);  // factor / valid * (p - [j = label])

}  // namespace shardproof::reference
