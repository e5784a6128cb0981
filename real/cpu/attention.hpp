#pragma once

#include <cstdint>

namespace shardproof::real::cpu {

/// h query heads share hk key and value heads: head j reads head j / (h / hk).
struct AttentionExtents {
  std::int64_t B;
  std::int64_t T;
  std::int64_t h;
  std::int64_t hk;
  std::int64_t hd;
};

/// What attention reads: q (B, T, h*hd), k and v (B, T, hk*hd).
template <class C>
struct AttentionInputs {
  const C* q;
  const C* k;
  const C* v;
};

/// Causal attention, one row of scores at a time: s = scale * (q . k), m = max s, p = exp(s - m),
/// l = sum p, o = (sum p v) / l, lse = m + log l. Sums run over the head dimension, then over the
/// keys, each first to last. scale = hd^(-1/2) in fp64, rounded once.
/// o (B, T, h*hd), lse (B, h, T).
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
