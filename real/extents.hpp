#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "real/tensor_view.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/op_forms.hpp"

namespace shardproof::real {

// How the shapes of a kernel's tensors must fit together, and what they mean: the same on every
// device. What does not fit is an InvariantError.

inline void expect_same_count(const TensorView& a, const TensorView& b) {
  SHARDPROOF_EXPECTS(a.elements() == b.elements(), to_string(a.shape), to_string(b.shape));
}

inline void expect_scalar(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.elements() == 1, to_string(view.shape));
}

inline std::int64_t last_extent(const TensorView& view) {
  SHARDPROOF_EXPECTS(!view.shape.empty());
  return view.shape.back();
}

/// Rows of a tensor seen as a matrix: the product of all extents but the last.
inline std::int64_t leading_rows(const TensorView& view) {
  std::int64_t rows = 1;
  for (std::size_t d = 0; d + 1 < view.shape.size(); ++d) rows *= view.shape[d];
  return rows;
}

/// What is normed: rows of H elements, one after another.
struct RowExtents {
  std::int64_t rows;
  std::int64_t H;
};

/// Each stretch of the weight's width is a row: of a (B, T, C) tensor all features, or those of one
/// head.
inline RowExtents norm_extents(const TensorView& x, const TensorView& weight) {
  const std::int64_t width = weight.elements();
  SHARDPROOF_EXPECTS(width > 0 && last_extent(x) % width == 0, to_string(x.shape),
                     to_string(weight.shape));
  return {x.elements() / width, width};
}

/// Of a norm that has no heads.
inline RowExtents whole_extents(const TensorView& x, const TensorView& weight) {
  SHARDPROOF_EXPECTS(last_extent(x) == weight.elements(), to_string(x.shape),
                     to_string(weight.shape));
  return norm_extents(x, weight);
}

/// The parts of a split or join in elements, and the rows of which each holds all of them once: as
/// many as there are heads.
struct Parts {
  std::int64_t rows = 0;
  std::int64_t width = 0;  // of all parts together
  std::vector<std::int64_t> widths;

  Parts(const TensorView& joined, std::span<const TensorView> apart,
        std::span<const std::int64_t> parts)
      : width(std::accumulate(parts.begin(), parts.end(), std::int64_t{0})),
        widths(parts.begin(), parts.end()) {
    SHARDPROOF_EXPECTS(parts.size() == apart.size(), parts.size(), apart.size());
    if (width > 0) rows = joined.elements() / width;
    SHARDPROOF_EXPECTS(
        rows * width == joined.elements() && (width == 0 || last_extent(joined) % width == 0),
        to_string(joined.shape), "of parts that are together", width);
    for (std::size_t k = 0; k < parts.size(); ++k)
      SHARDPROOF_EXPECTS(apart[k].elements() == rows * parts[k] && apart[k].dtype == joined.dtype &&
                             leading_rows(apart[k]) == leading_rows(joined),
                         to_string(apart[k].shape), "is not part", parts[k], "of",
                         to_string(joined.shape));
  }
};

/// x (..., width) of one head and y (..., heads * width) of all.
struct HeadExtents {
  std::int64_t rows;
  std::int64_t width;
  std::int64_t heads;

  HeadExtents(const TensorView& one, const TensorView& all)
      : rows(leading_rows(one)),
        width(last_extent(one)),
        heads(width > 0 ? last_extent(all) / width : 0) {
    SHARDPROOF_EXPECTS(heads * width == last_extent(all) && leading_rows(all) == rows,
                       to_string(one.shape), to_string(all.shape));
  }
};

/// x (B, T, heads * head_dim), cos and sin (T, pairs): of each head the first 2 pairs elements are
/// turned.
struct RotaryExtents {
  std::int64_t sequences;  // B
  std::int64_t T;
  std::int64_t heads;
  std::int64_t head_dim;
  std::int64_t pairs;
  RotaryPairing pairing;

  RotaryExtents(const TensorView& x, const TensorView& cos, const TensorView& sin,
                const RotaryForm& form)
      : pairs(last_extent(cos)), pairing(form.pairing) {
    SHARDPROOF_EXPECTS(x.shape.size() == 3 && cos.shape == sin.shape, to_string(x.shape),
                       to_string(cos.shape), to_string(sin.shape));
    sequences = x.shape[0];
    T = x.shape[1];
    head_dim = form.head_dim > 0 ? form.head_dim : 2 * pairs;
    SHARDPROOF_EXPECTS(
        head_dim > 0 && x.shape[2] % head_dim == 0 && 2 * pairs <= head_dim && cos.shape[0] == T,
        to_string(x.shape), to_string(cos.shape), "head_dim", head_dim);
    heads = x.shape[2] / head_dim;
  }
};

/// x (..., I), weight (O, I) or (I, O), y (..., O) as one product of matrices.
struct MatmulExtents {
  std::int64_t rows;
  std::int64_t I;
  std::int64_t O;

  MatmulExtents(const TensorView& x, const TensorView& weight, const TensorView& y,
                WeightLayout layout)
      : rows(leading_rows(x)), I(last_extent(x)), O(last_extent(y)) {
    const Shape expected = layout == WeightLayout::out_in ? Shape{O, I} : Shape{I, O};
    SHARDPROOF_EXPECTS(weight.shape == expected && leading_rows(y) == rows, to_string(x.shape),
                       to_string(weight.shape), to_string(y.shape), name_of(layout));
  }
};

struct LossExtents {
  std::int64_t rows;  // B * T
  std::int64_t V;

  LossExtents(const TensorView& logits, const TensorView& labels)
      : rows(labels.elements()), V(last_extent(logits)) {
    SHARDPROOF_EXPECTS(leading_rows(logits) == rows, to_string(logits.shape),
                       to_string(labels.shape));
  }
};

struct RouteExtents {
  std::int64_t tokens;
  std::int64_t experts;
  std::int64_t choices;  // of each token

  RouteExtents(const TensorView& logits, const TensorView& selected, const TensorView& weights)
      : tokens(leading_rows(logits)), experts(last_extent(logits)), choices(last_extent(selected)) {
    SHARDPROOF_EXPECTS(leading_rows(selected) == tokens && weights.shape == selected.shape &&
                           choices > 0 && choices <= experts,
                       to_string(logits.shape), to_string(selected.shape),
                       to_string(weights.shape));
  }
};

/// A correction has a number for each expert, a group two experts at the least; which groups are
/// kept are the bits of a word.
inline void expect_choice(const RouteExtents& e, const TensorView* correction,
                          const ExpertGroups& groups) {
  if (correction)
    SHARDPROOF_EXPECTS(correction->elements() == e.experts, to_string(correction->shape),
                       e.experts);
  if (!groups.limit()) return;
  SHARDPROOF_EXPECTS(0 < groups.kept && groups.count <= 64 && e.experts % groups.count == 0 &&
                         2 * groups.count <= e.experts,
                     groups.kept, "of", groups.count, "groups of", e.experts);
}

}  // namespace shardproof::real
