// Features that belong to heads or blocks: moved as bytes, and summed.
#include <algorithm>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

/// In bytes.
std::vector<std::int64_t> widths_in_bytes(const Parts& parts, Dtype dtype) {
  std::vector<std::int64_t> widths = parts.widths;
  for (std::int64_t& width : widths) width *= static_cast<std::int64_t>(size_bytes(dtype));
  return widths;
}

/// x (rows, sum of parts) -> outputs[k] (rows, parts[k]); all widths in bytes.
void split(Device&, const KernelCall& call) {
  const Parts p(call.in(0), call.outputs, call.attributes.parts);
  const std::vector<std::int64_t> widths = widths_in_bytes(p, call.in(0).dtype);
  const std::byte* x = call.in(0).data;
  for (std::int64_t row = 0; row < p.rows; ++row)
    for (std::size_t k = 0; k < widths.size(); ++k) {
      std::copy_n(x, widths[k], call.out(k).data + row * widths[k]);
      x += widths[k];
    }
}

/// The inverse.
void join(Device&, const KernelCall& call) {
  const Parts p(call.out(), call.inputs, call.attributes.parts);
  const std::vector<std::int64_t> widths = widths_in_bytes(p, call.out().dtype);
  std::byte* y = call.out().data;
  for (std::int64_t row = 0; row < p.rows; ++row)
    for (std::size_t k = 0; k < widths.size(); ++k)
      y = std::copy_n(call.in(k).data + row * widths[k], widths[k], y);
}

/// x (rows, width) -> y (rows, heads, width).
void repeat_heads(Device&, const KernelCall& call) {
  const HeadExtents e(call.in(0), call.out());
  SHARDPROOF_EXPECTS(call.in(0).dtype == call.out().dtype, name_of(call.in(0).dtype),
                     name_of(call.out().dtype));
  const auto bytes = e.width * static_cast<std::int64_t>(size_bytes(call.in(0).dtype));
  const std::byte* x = call.in(0).data;
  std::byte* y = call.out().data;
  for (std::int64_t row = 0; row < e.rows; ++row, x += bytes)
    for (std::int64_t head = 0; head < e.heads; ++head) y = std::copy_n(x, bytes, y);
}

/// x (rows, heads, width) -> y (rows, width) = the sum over the heads, first to last.
template <class C>
void sum_heads(std::int64_t rows, std::int64_t heads, std::int64_t width, const C* x, C* y) {
  std::fill_n(y, rows * width, C{0});
  for (std::int64_t row = 0; row < rows; ++row, y += width)
    for (std::int64_t head = 0; head < heads; ++head, x += width)
      // From the first head, not from zero: 0 + (-0) would be +0.
      for (std::int64_t i = 0; i < width; ++i) y[i] = head == 0 ? x[i] : y[i] + x[i];
}

void sum_heads(Device& device, const KernelCall& call) {
  const HeadExtents e(call.out(), call.in(0));
  in_compute_type(device, call,
                  [&](auto& o) { sum_heads(e.rows, e.heads, e.width, o.in(0), o.out()); });
}

}  // namespace

std::span<const KernelRow> head_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::split, split},
                                       {OpKind::join, join},
                                       {OpKind::repeat_heads, repeat_heads},
                                       {OpKind::sum_heads, sum_heads}};
  return rows;
}

}  // namespace shardproof::real::cpu
