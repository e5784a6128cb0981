#include "real/cpu/loss.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::real::cpu {

namespace {
/// The largest logit of a row and the sum of the exponentials of the distances from it.
template <class C>
struct Softmax {
  C largest;
  C sum = 0;

  Softmax(const C* z, std::int64_t V) : largest(*std::max_element(z, z + V)) {
    for (std::int64_t j = 0; j < V; ++j) sum += std::exp(z[j] - largest);
  }
};

std::int64_t count_valid(const LossExtents& extents, const std::int64_t* labels) {
  for (std::int64_t row = 0; row < extents.rows; ++row)
    SHARDPROOF_EXPECTS(labels[row] < extents.V, "label", labels[row], "V", extents.V);
  return std::count_if(labels, labels + extents.rows,
                       [](std::int64_t label) { return label >= 0; });
}
}  // namespace

template <class C>
C cross_entropy(LossExtents extents, const C* logits, const std::int64_t* labels) {
  const std::int64_t valid = count_valid(extents, labels);
  C sum = 0;
  for (std::int64_t row = 0; row < extents.rows; ++row) {
    if (labels[row] < 0) continue;
    const C* z = logits + row * extents.V;
    const Softmax<C> softmax(z, extents.V);
    sum += (softmax.largest + std::log(softmax.sum)) - z[labels[row]];
  }
  return sum / static_cast<C>(valid);
}

template <class C>
void cross_entropy_backward(LossExtents extents, const C* logits, const std::int64_t* labels,
                            C* dlogits, double grad_scale, C loss_scale) {
  const std::int64_t valid = count_valid(extents, labels);
  const C coefficient = static_cast<C>(grad_scale / static_cast<double>(valid)) * loss_scale;
  for (std::int64_t row = 0; row < extents.rows; ++row) {
    const C* z = logits + row * extents.V;
    C* dz = dlogits + row * extents.V;
    if (labels[row] < 0) {
      std::fill_n(dz, extents.V, C{0});
      continue;
    }
    const Softmax<C> softmax(z, extents.V);
    for (std::int64_t j = 0; j < extents.V; ++j) {
      const C p = std::exp(z[j] - softmax.largest) / softmax.sum;
      dz[j] = coefficient * (j == labels[row] ? p - C{1} : p);
    }
  }
}

void shift_labels(std::int64_t B, std::int64_t T, const std::int64_t* tokens, std::int64_t* labels,
                  std::optional<std::int64_t> padding) {
  constexpr std::int64_t ignored = -100;
  if (T == 0) return;
  for (std::int64_t b = 0; b < B; ++b) {
    std::copy_n(tokens + b * T + 1, T - 1, labels + b * T);
    labels[b * T + T - 1] = ignored;
  }
  if (padding) std::replace(labels, labels + B * T, *padding, ignored);
}

template <class C>
void embedding_backward(std::int64_t V, std::int64_t width, std::int64_t tokens_count, const C* dy,
                        const std::int64_t* tokens, C* dweight) {
  std::fill_n(dweight, V * width, C{0});
  for (std::int64_t i = 0; i < tokens_count; ++i) {
    SHARDPROOF_EXPECTS(tokens[i] >= 0 && tokens[i] < V, "token", tokens[i], "V", V);
    C* row = dweight + tokens[i] * width;
    for (std::int64_t c = 0; c < width; ++c) row[c] += dy[i * width + c];
  }
}

template float cross_entropy(LossExtents, const float*, const std::int64_t*);
template double cross_entropy(LossExtents, const double*, const std::int64_t*);
template void cross_entropy_backward(LossExtents, const float*, const std::int64_t*, float*, double,
                                     float);
template void cross_entropy_backward(LossExtents, const double*, const std::int64_t*, double*,
                                     double, double);
template void embedding_backward(std::int64_t, std::int64_t, std::int64_t, const float*,
                                 const std::int64_t*, float*);
template void embedding_backward(std::int64_t, std::int64_t, std::int64_t, const double*,
                                 const std::int64_t*, double*);

}  // namespace shardproof::real::cpu
