#pragma once

#include <cstdint>
#include <optional>

namespace shardproof::real::cpu {

struct LossExtents {
  std::int64_t rows;  // B * T
  std::int64_t V;
};

/// Mean over the rows with label >= 0 of lse - logits[label], rows first to last;
/// lse = m + log(sum exp(z - m)). Without such a row the mean is NaN, as in PyTorch.
/// A label of V or more is an InvariantError.
template <class C>
C cross_entropy(LossExtents extents, const C* logits, const std::int64_t* labels);

/// dlogits = c * loss_scale * (exp(z - m) / l - onehot), c = grad_scale / valid rows in fp64, rounded
/// once; then every operation is.
template <class C>
void cross_entropy_backward(LossExtents extents, const C* logits, const std::int64_t* labels,
                            C* dlogits, double grad_scale, C loss_scale);

/// labels[b][t] = tokens[b][t + 1]; -100 at the end of each sequence, and for padding.
void shift_labels(std::int64_t B, std::int64_t T, const std::int64_t* tokens, std::int64_t* labels,
                  std::optional<std::int64_t> padding);

/// dweight (V, C), zero but for the rows of tokens seen: those rows of dy are added in order.
template <class C>
void embedding_backward(std::int64_t V, std::int64_t width, std::int64_t tokens_count, const C* dy,
                        const std::int64_t* tokens, C* dweight);

}  // namespace shardproof::real::cpu
