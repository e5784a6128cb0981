#pragma once

#include "reference/bounds/bounds.hpp"

/// Causal grouped-query attention: O = softmax(q k^T / sqrt(hd)) v, and its derivatives.
/// Sources: docs/bounds.md; the shape of the softmax bound is Blanchard, Higham & Higham 2021.
namespace shardproof::reference {

UnitResult replay_attention(const UnitCall& unit);      // q, k, v -> like q
UnitResult replay_attention_lse(const UnitCall& unit);  // q, k -> (B, h, T)
/// dout, q, k, v, o, lse -> dq, dk or dv as the kind says. The value is the derivative at q, k, v;
/// the recorded o and lse, from which a kernel works, enter the bound only, by how far they are
/// off.
UnitResult replay_attention_backward(const UnitCall& unit);

}  // namespace shardproof::reference
