#pragma once

#include "reference/bounds.hpp"

/// Element-wise units with more than one rounding: rotary embedding and SwiGLU.
namespace shardproof::reference {

/// cos or sin of position * theta^(-2i/hd), (extent, head_dim/2): `extent` positions.
UnitResult replay_rotary_table(const Unit& unit);
UnitResult replay_rotary(const Unit& unit);           // (x1 c - x2 s, x2 c + x1 s)
UnitResult replay_rotary_backward(const Unit& unit);  // the transposed rotation: s -> -s
UnitResult replay_swiglu(const Unit& unit);           // gate sigmoid(gate) up
UnitResult replay_swiglu_backward_gate(const Unit& unit);
UnitResult replay_swiglu_backward_up(const Unit& unit);

}  // namespace shardproof::reference
