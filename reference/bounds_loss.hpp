#pragma once

#include "reference/bounds.hpp"

/// Cross-entropy over V classes, mean over the labels >= 0 of each batch group.
namespace shardproof::reference {

UnitResult replay_cross_entropy(const Unit& unit);           // (groups)
UnitResult replay_cross_entropy_backward(const Unit& unit);  // factor / valid * (p - [j = label])

}  // namespace shardproof::reference
