#pragma once

#include <cstdint>

#include "real/attention_extents.hpp"

namespace shardproof::real::cpu {

/// What attention reads: q (B, T, h*hd), k (B, T, hk*hd), v (B, T, hk*vd), slopes (h) or none.
template <class C>
struct AttentionInputs {
  const C* q;
  const C* k;
  const C* v;
  const C* slopes = nullptr;
};

/// Causal attention, one row of scores at a time, over the keys j that the form's window shows:
/// s = scale * (q . k) + slope * j, m = max s, p = exp(s - m), l = sum p, o = (sum p v) / l,
/// lse = m + log l. Sums run over the head dimension, then over the keys, each first to last. scale
/// in fp64, rounded once. The bias of ALiBi (Press et al. 2022, arXiv:2108.12409) counts from
/// position 0, as BLOOM's does: it differs from slope * (j - i) by a constant of the row, which p
/// and o do not see, and lse does. o (B, T, h*vd), lse (B, h, T).
template <class C>
void attention(AttentionExtents extents, AttentionInputs<C> in, C* o, C* lse);

/// From the recorded o and lse: p = exp(s - lse), dP = dout . v, D = dout . o, dS = scale * (p *
/// (dP - D)), dq = sum dS k over keys, dk = sum dS q and dv = sum p dout over the heads of the
/// group, and within a head over the queries. Dao et al. 2022, arXiv:2205.14135, algorithm 4
/// without blocks.
template <class C>
void attention_backward(AttentionExtents extents, AttentionInputs<C> in, const C* dout, const C* o,
                        const C* lse, C* dq, C* dk, C* dv);

}  // namespace shardproof::real::cpu
