#pragma once

#include "reference/bounds/bounds.hpp"

namespace shardproof::reference {

// Mixture of experts (docs/bounds.md). Arguments as in replay.hpp.

UnitResult replay_route_selected(const UnitCall& unit);
UnitResult replay_route_weights(const UnitCall& unit);
UnitResult replay_route_backward(const UnitCall& unit);
UnitResult replay_moe_dispatch(const UnitCall& unit);
UnitResult replay_moe_dispatch_backward(const UnitCall& unit);
UnitResult replay_moe_combine(const UnitCall& unit);
UnitResult replay_moe_combine_backward_weights(const UnitCall& unit);
UnitResult replay_moe_combine_backward_rows(const UnitCall& unit);

}  // namespace shardproof::reference
