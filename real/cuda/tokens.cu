// Token ids, their labels and positions, and the rows of a table that they choose.
#include "real/cuda/bits.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"
#include "real/cuda/workspace.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

constexpr std::int64_t kIgnored = -100;

__global__ void shift_labels_kernel(std::int64_t count, std::int64_t T, std::int64_t padding,
                                    Global<const std::int64_t> tokens,
                                    Global<std::int64_t> labels) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) {
    const std::int64_t label = (i + 1) % T == 0 ? kIgnored : tokens[i + 1];
    labels[i] = label == padding ? kIgnored : label;
  }
}

void shift_labels(Device& device, const KernelCall& call) {
  expect_same_count(call.in(0), call.out());
  launch_elements(device, call, call.out().elements(), shift_labels_kernel, call.out().elements(),
                  last_extent(call.in(0)), call.attributes.padding.value_or(kIgnored),
                  integers(call.in(0)), integers_to_write(call.out()));
}

__global__ void positions_kernel(std::int64_t count, std::int64_t T, std::int64_t first,
                                 Global<std::int64_t> y) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) y[i] = first + i % T;
}

void positions(Device& device, const KernelCall& call) {
  const TensorView& y = call.out();
  launch_elements(device, call, y.elements(), positions_kernel, y.elements(), last_extent(y),
                  static_cast<std::int64_t>(call.attributes.offset), integers_to_write(y));
}

/// The tokens of a call as its kernels see them.
struct Tokens {
  std::int64_t count;
  Global<const std::int64_t> ids;
  std::int64_t V;
  ErrorWord errors;

  /// Tells the device of a token outside [0, V); `teller` of it alone.
  __device__ bool exists(std::int64_t i, bool teller) const {
    const std::int64_t id = ids[i];
    if (0 <= id && id < V) return true;
    if (teller) errors.tell(KernelError::Code::token, id, V);
    return false;
  }
};

Tokens tokens_of(Device& device, const KernelCall& call, std::int64_t V) {
  return {call.in(1).elements(), integers(call.in(1)), V, on_gpu(device).error_word(call.tag)};
}

/// A block to each token.
template <class Bits>
__global__ void embedding_kernel(Tokens tokens, std::int64_t width, Global<const Bits> weight,
                                 Global<Bits> y) {
  for (std::int64_t i = blockIdx.x; i < tokens.count; i += gridDim.x) {
    if (!tokens.exists(i, threadIdx.x == 0)) continue;
    const std::int64_t row = tokens.ids[i];
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x)
      y[i * width + c] = weight[row * width + c];
  }
}

void embedding(Device& device, const KernelCall& call) {
  const TensorView &weight = call.in(0), &tokens = call.in(1), &y = call.out();
  const std::int64_t width = last_extent(weight);
  SHARDPROOF_EXPECTS(weight.dtype == y.dtype, name_of(weight.dtype), name_of(y.dtype));
  SHARDPROOF_EXPECTS(y.elements() == tokens.elements() * width, to_string(y.shape));
  in_bits_of(y, [&]<class Bits>(Bits) {
    launch_rows(device, call, tokens.elements(), embedding_kernel<Bits>,
                tokens_of(device, call, weight.shape[0]), width, bits_of<Bits>(weight),
                bits_to_write<Bits>(y));
  });
}

constexpr std::int64_t kFirst = -1;
constexpr std::int64_t kNowhere = -2;
constexpr std::int64_t kNone = -1;  // no token

/// Where a token's id occurs last before it, or kFirst, and next after it, or tokens.count; before
/// a token that does not exist is kNowhere. A thread to each: neighbours read the same ids.
__global__ void find_neighbours_kernel(Tokens tokens, Global<std::int64_t> previous,
                                       Global<std::int64_t> next) {
  for (std::int64_t i = first_element(); i < tokens.count; i += grid_threads()) {
    const std::int64_t id = tokens.ids[i];
    std::int64_t before = i - 1;
    while (before >= 0 && tokens.ids[before] != id) --before;
    std::int64_t after = i + 1;
    while (after < tokens.count && tokens.ids[after] != id) ++after;
    previous[i] = tokens.exists(i, true) ? before : kNowhere;
    next[i] = after;
  }
}

/// A block to each token that is the first of its id: the rows of dy of all of them are added, in
/// the order of the tokens. Not those of `padding`, whose row stays zero.
template <class C>
__global__ void embedding_backward_kernel(Tokens tokens, std::int64_t width, std::int64_t padding,
                                          Global<std::int64_t> previous, Global<std::int64_t> next,
                                          Input<C> dy, Output<C> dweight) {
  for (std::int64_t i = blockIdx.x; i < tokens.count; i += gridDim.x) {
    if (previous[i] != kFirst || tokens.ids[i] == padding) continue;
    const std::int64_t row = tokens.ids[i];
    for (std::int64_t c = threadIdx.x; c < width; c += blockDim.x) {
      C sum{0};
      for (std::int64_t k = i; k < tokens.count; k = next[k]) sum += dy[k * width + c];
      dweight.set(row * width + c, sum);
    }
  }
}

/// dweight (V, C), zero but for the rows of tokens seen, and for that of padding.
void embedding_backward(Device& device, const KernelCall& call) {
  const TensorView &dy = call.in(0), &dweight = call.out();
  const std::int64_t width = last_extent(dweight);
  const Tokens tokens = tokens_of(device, call, leading_rows(dweight));
  SHARDPROOF_EXPECTS(dy.elements() == tokens.count * width, to_string(dy.shape));
  Workspace workspace(device, call);
  const auto previous = workspace.take<std::int64_t>(tokens.count);
  const auto next = workspace.take<std::int64_t>(tokens.count);
  device.fill(dweight, std::byte{0}, call.stream);
  launch_elements(device, call, tokens.count, find_neighbours_kernel, tokens, previous, next);
  in_compute_type_of(dweight, [&]<class C>(C) {
    launch_rows(device, call, tokens.count, embedding_backward_kernel<C>, tokens, width,
                call.attributes.padding.value_or(kNone), previous, next, Input<C>(dy),
                Output<C>(dweight));
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

}  // namespace shardproof::real::SHARDPROOF_GPU
