#pragma once

#include "reference/bounds/bounds.hpp"

/// Losses over V classes, mean over the labels >= 0 of each batch group.
namespace shardproof::reference {

// (groups)
UnitResult replay_cross_entropy(const UnitCall& unit);
UnitResult replay_squared_error(const UnitCall& unit);
// factor / valid * (p - [j = label]); of squared error p is the logit
UnitResult replay_cross_entropy_backward(const UnitCall& unit);
UnitResult replay_squared_error_backward(const UnitCall& unit);

}  // namespace shardproof::reference
