#pragma once

#include "reference/bounds/bounds.hpp"

/// RMSNorm over rows of H elements, the width of the weight: R = (mean x^2 + eps)^(-1/2), X = x R.
namespace shardproof::reference {

UnitResult replay_rms_norm(const UnitCall& unit);  // x R weight
UnitResult replay_rms_norm_backward_input(
    const UnitCall& unit);  // R (g - X mean(g X)), g = dy weight
UnitResult replay_rms_norm_backward_weight(const UnitCall& unit);  // sum over tokens of dy X

/// LayerNorm: mu the mean of a row, R = (mean (x - mu)^2 + eps)^(-1/2), X = (x - mu) R.
UnitResult replay_layer_norm(const UnitCall& unit);  // X weight + bias
/// R (g - mean g - X mean(g X)), g = dy weight.
UnitResult replay_layer_norm_backward_input(const UnitCall& unit);
UnitResult replay_layer_norm_backward_weight(const UnitCall& unit);  // sum over tokens of dy X

}  // namespace shardproof::reference
