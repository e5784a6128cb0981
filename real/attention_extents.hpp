#pragma once

#include <cstdint>

#include "real/tensor_view.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

/// Heads of `width` elements in a (B, T, heads*width) tensor.
struct Heads {
  std::int64_t T;
  std::int64_t heads;
  std::int64_t width;

  /// Where the vector of one token and head starts.
  constexpr std::int64_t at(std::int64_t b, std::int64_t t, std::int64_t head) const {
    return ((b * T + t) * heads + head) * width;
  }
  constexpr std::int64_t stride() const { return heads * width; }  // from token to token
};

/// h query heads share hk key and value heads: head j reads head j / (h / hk).
struct AttentionExtents {
  std::int64_t B;
  std::int64_t T;
  std::int64_t h;
  std::int64_t hk;
  std::int64_t hd;  // of queries and keys
  std::int64_t vd;  // of values and outputs
  AttentionForm form;

  constexpr Heads queries() const { return {T, h, hd}; }
  constexpr Heads keys() const { return {T, hk, hd}; }
  constexpr Heads values() const { return {T, hk, vd}; }
  constexpr Heads outputs() const { return {T, h, vd}; }
};

inline AttentionExtents attention_extents(const TensorView& q, const TensorView& k,
                                          const TensorView& v, const TensorView& lse,
                                          const AttentionForm& form) {
  SHARDPROOF_EXPECTS(
      q.shape.size() == 3 && k.shape.size() == 3 && v.shape.size() == 3 && form.head_dim > 0,
      to_string(q.shape), to_string(k.shape), to_string(v.shape), form.head_dim);
  const std::int64_t hd = form.head_dim, vd = form.value_dim();
  const AttentionExtents e{q.shape[0], q.shape[1], q.shape[2] / hd, k.shape[2] / hd, hd, vd, form};
  // A rank may hold no heads at all.
  const bool shared = e.hk > 0 ? e.h % e.hk == 0 : e.h == 0;
  SHARDPROOF_EXPECTS((q.shape == Shape{e.B, e.T, e.h * hd}) &&
                         (k.shape == Shape{e.B, e.T, e.hk * hd}) &&
                         (v.shape == Shape{e.B, e.T, e.hk * vd}) && shared,
                     to_string(q.shape), to_string(k.shape), to_string(v.shape), "head_dim", hd);
  SHARDPROOF_EXPECTS(lse.elements() == e.B * e.h * e.T, to_string(lse.shape));
  return e;
}

/// Of the heads that there are.
inline void expect_slopes(const TensorView& slopes, const AttentionExtents& e) {
  SHARDPROOF_EXPECTS(slopes.elements() == e.h && e.h == e.hk, to_string(slopes.shape), e.h, e.hk);
}

inline void expect_like_output(const TensorView& o, const AttentionExtents& e) {
  SHARDPROOF_EXPECTS(o.elements() == e.B * e.T * e.h * e.vd, to_string(o.shape));
}

}  // namespace shardproof::real
