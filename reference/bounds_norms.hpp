#pragma once

#include "reference/bounds.hpp"

/// RMSNorm over the last dimension, H elements: R = (mean x^2 + eps)^(-1/2), X = x R.
namespace shardproof::reference {

UnitResult replay_rms_norm(const UnitCall& unit);  // x R weight
UnitResult replay_rms_norm_backward_input(
    const UnitCall& unit);  // R (g - X mean(g X)), g = dy weight
UnitResult replay_rms_norm_backward_weight(const UnitCall& unit);  // sum over tokens of dy X

}  // namespace shardproof::reference
