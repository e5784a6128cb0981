// Token ids, their labels and positions, and the rows of a table that they choose.
#include <algorithm>
#include <cstring>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

void shift_labels(Device&, const KernelCall& call) {
  constexpr std::int64_t ignored = -100;
  expect_same_count(call.in(0), call.out());
  const std::int64_t B = leading_rows(call.in(0)), T = last_extent(call.in(0));
  if (T == 0) return;
  const std::int64_t* tokens = integers(call.in(0));
  std::int64_t* labels = integers(call.out());
  for (std::int64_t b = 0; b < B; ++b) {
    std::copy_n(tokens + b * T + 1, T - 1, labels + b * T);
    labels[b * T + T - 1] = ignored;
  }
  const std::optional<std::int64_t>& padding = call.attributes.padding;
  if (padding) std::replace(labels, labels + B * T, *padding, ignored);
}

void positions(Device&, const KernelCall& call) {
  const std::int64_t T = last_extent(call.out());
  std::int64_t* y = integers(call.out());
  const auto first = static_cast<std::int64_t>(call.attributes.offset);
  for (std::int64_t i = 0; i < call.out().elements(); ++i) y[i] = first + i % T;
}

/// Tells the device of a token outside [0, V).
bool tokens_exist(Device& device, const KernelCall& call, const TensorView& tokens,
                  std::int64_t V) {
  const std::int64_t *begin = integers(tokens), *end = begin + tokens.elements();
  const auto outside = std::find_if(begin, end, [V](auto t) { return t < 0 || t >= V; });
  if (outside == end) return true;
  on_cpu(device).tell({KernelError::Code::token, *outside, V, call.tag});
  return false;
}

void embedding(Device& device, const KernelCall& call) {
  const TensorView &weight = call.in(0), &tokens = call.in(1), &y = call.out();
  const std::int64_t width = last_extent(weight);
  SHARDPROOF_EXPECTS(weight.dtype == y.dtype, name_of(weight.dtype), name_of(y.dtype));
  SHARDPROOF_EXPECTS(y.elements() == tokens.elements() * width, to_string(y.shape));
  if (!tokens_exist(device, call, tokens, weight.shape[0])) return;
  const std::size_t row_bytes = static_cast<std::size_t>(width) * size_bytes(y.dtype);
  std::byte* to = y.data;
  for (std::int64_t i = 0; i < tokens.elements(); ++i, to += row_bytes) {
    const auto token = static_cast<std::size_t>(integers(tokens)[i]);
    std::memcpy(to, weight.data + token * row_bytes, row_bytes);
  }
}

/// dweight (V, C), zero but for the rows of tokens seen: those rows of dy are added in order. The
/// row of padding stays zero.
template <class C>
void embedding_backward(std::int64_t V, std::int64_t width, std::int64_t tokens_count,
                        std::optional<std::int64_t> padding, const C* dy,
                        const std::int64_t* tokens, C* dweight) {
  std::fill_n(dweight, V * width, C{0});
  for (std::int64_t i = 0; i < tokens_count; ++i) {
    if (tokens[i] == padding) continue;
    C* row = dweight + tokens[i] * width;
    for (std::int64_t c = 0; c < width; ++c) row[c] += dy[i * width + c];
  }
}

void embedding_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &tokens = call.in(1), &dweight = call.out();
  const std::int64_t width = last_extent(dweight), V = leading_rows(dweight);
  SHARDPROOF_EXPECTS(dy.elements() == tokens.elements() * width, to_string(dy.shape));
  if (!tokens_exist(device, call, tokens, V)) return;
  in_compute_type(device, call, [&](auto& o) {
    embedding_backward(V, width, tokens.elements(), call.attributes.padding, o.in(0),
                       integers(tokens), o.out());
  });
}

}  // namespace

std::span<const KernelRow> token_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::shift_labels, shift_labels},
                                       {OpKind::positions, positions},
                                       {OpKind::embedding, embedding},
                                       {OpKind::embedding_backward, embedding_backward}};
  return rows;
}

}  // namespace shardproof::real::cpu
