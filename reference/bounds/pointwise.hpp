#pragma once

#include "reference/bounds/bounds.hpp"

/// Element-wise units with more than one rounding: rotary embedding, SwiGLU, sigmoid, GELU.
namespace shardproof::reference {

/// cos or sin of position * theta^(-2i/hd), (extent, head_dim/2): `extent` positions.
UnitResult replay_rotary_table(const UnitCall& unit);
/// Slopes part ... part + extent of those of `heads` heads (0: extent).
UnitResult replay_alibi_slopes(const UnitCall& unit);
UnitResult replay_rotary(const UnitCall& unit);           // (x1 c - x2 s, x2 c + x1 s)
UnitResult replay_rotary_backward(const UnitCall& unit);  // the transposed rotation: s -> -s
UnitResult replay_swiglu(const UnitCall& unit);           // gate sigmoid(gate) up
UnitResult replay_swiglu_backward_gate(const UnitCall& unit);
UnitResult replay_swiglu_backward_up(const UnitCall& unit);

UnitResult replay_sigmoid(const UnitCall& unit);           // 1 / (1 + exp(-x))
UnitResult replay_sigmoid_backward(const UnitCall& unit);  // dy s (1 - s)

UnitResult replay_gelu(const UnitCall& unit);  // x Phi(x) in the form that the attributes name
UnitResult replay_gelu_backward(const UnitCall& unit);

}  // namespace shardproof::reference
