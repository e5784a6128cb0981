// Features that belong to heads or blocks: moved as bits, and summed.
#include "real/cuda/bits.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// Columns [begin, begin + width) of a matrix whose rows are `pitch` elements.
struct Columns {
  std::int64_t begin;
  std::int64_t pitch;
  __device__ std::int64_t element(std::int64_t row, std::int64_t column) const {
    return row * pitch + begin + column;
  }
};

template <class Bits>
__global__ void move_columns_kernel(std::int64_t rows, std::int64_t width, Columns from_columns,
                                    Global<const Bits> from, Columns to_columns, Global<Bits> to) {
  for (std::int64_t i = first_element(); i < rows * width; i += grid_threads())
    to[to_columns.element(i / width, i % width)] = from[from_columns.element(i / width, i % width)];
}

/// Calls move(k, the columns of part k in the joined tensor, those of the part by itself).
template <class Move>
void for_each_part(const Parts& p, Move move) {
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < p.widths.size(); begin += p.widths[k++])
    move(k, Columns{begin, p.width}, Columns{0, p.widths[k]});
}

/// x (rows, sum of parts) -> outputs[k] (rows, parts[k]).
void split(Device& device, const KernelCall& call) {
  const TensorView& x = call.in(0);
  const Parts p(x, call.outputs, call.attributes.parts);
  in_bits_of(x, [&]<class Bits>(Bits) {
    for_each_part(p, [&](std::size_t k, Columns joined, Columns apart) {
      launch_elements(device, call, call.out(k).elements(), move_columns_kernel<Bits>, p.rows,
                      p.widths[k], joined, bits_of<Bits>(x), apart,
                      bits_to_write<Bits>(call.out(k)));
    });
  });
}

/// The inverse.
void join(Device& device, const KernelCall& call) {
  const TensorView& y = call.out();
  const Parts p(y, call.inputs, call.attributes.parts);
  in_bits_of(y, [&]<class Bits>(Bits) {
    for_each_part(p, [&](std::size_t k, Columns joined, Columns apart) {
      launch_elements(device, call, call.in(k).elements(), move_columns_kernel<Bits>, p.rows,
                      p.widths[k], apart, bits_of<Bits>(call.in(k)), joined,
                      bits_to_write<Bits>(y));
    });
  });
}

template <class Bits>
__global__ void repeat_heads_kernel(HeadExtents e, Global<const Bits> x, Global<Bits> y) {
  const std::int64_t row_elements = e.heads * e.width;
  for (std::int64_t i = first_element(); i < e.rows * row_elements; i += grid_threads())
    y[i] = x[i / row_elements * e.width + i % e.width];
}

/// x (rows, width) -> y (rows, heads, width).
void repeat_heads(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &y = call.out();
  const HeadExtents e(x, y);
  SHARDPROOF_EXPECTS(x.dtype == y.dtype, name_of(x.dtype), name_of(y.dtype));
  in_bits_of(x, [&]<class Bits>(Bits) {
    launch_elements(device, call, y.elements(), repeat_heads_kernel<Bits>, e, bits_of<Bits>(x),
                    bits_to_write<Bits>(y));
  });
}

template <class C>
__global__ void sum_heads_kernel(HeadExtents e, Input<C> x, Output<C> y) {
  for (std::int64_t i = first_element(); i < e.rows * e.width; i += grid_threads()) {
    const std::int64_t begin = i / e.width * e.heads * e.width + i % e.width;
    // From the first head, not from zero: 0 + (-0) would be +0.
    C sum = e.heads > 0 ? x[begin] : C{0};
    for (std::int64_t head = 1; head < e.heads; ++head) sum += x[begin + head * e.width];
    y.set(i, sum);
  }
}

/// x (rows, heads, width) -> y (rows, width) = the sum over the heads, first to last.
void sum_heads(Device& device, const KernelCall& call) {
  const HeadExtents e(call.out(), call.in(0));
  in_compute_type_of(call.out(), [&]<class C>(C) {
    launch_elements(device, call, call.out().elements(), sum_heads_kernel<C>, e,
                    Input<C>(call.in(0)), Output<C>(call.out()));
  });
}

}  // namespace

std::span<const KernelRow> head_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::split, split},
                                       {OpKind::join, join},
                                       {OpKind::repeat_heads, repeat_heads},
                                       {OpKind::sum_heads, sum_heads}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
