// The ops of CpuBackend that take features apart by heads or blocks, and put them together.
#include <numeric>

#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/heads.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {

/// The parts of a split or join in bytes, and the rows of which each holds all of them once: as many
/// as there are heads.
struct Parts {
  std::int64_t rows = 0;
  std::vector<std::int64_t> widths;

  Parts(const TensorView& joined, std::span<const TensorView> apart,
        std::span<const std::int64_t> parts)
      : widths(parts.begin(), parts.end()) {
    const std::int64_t width = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
    SHARDPROOF_EXPECTS(parts.size() == apart.size(), parts.size(), apart.size());
    if (width > 0) rows = joined.elements() / width;
    SHARDPROOF_EXPECTS(
        rows * width == joined.elements() && (width == 0 || last_extent(joined) % width == 0),
        to_string(joined.shape), "of parts that are together", width);
    for (std::size_t k = 0; k < parts.size(); ++k) {
      SHARDPROOF_EXPECTS(apart[k].elements() == rows * parts[k] && apart[k].dtype == joined.dtype &&
                             leading_rows(apart[k]) == leading_rows(joined),
                         to_string(apart[k].shape), "is not part", parts[k], "of",
                         to_string(joined.shape));
      widths[k] *= static_cast<std::int64_t>(size_bytes(joined.dtype));
    }
  }
};

/// x (..., p) and y (..., h*p).
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

}  // namespace

void CpuBackend::positions(View y) {
  const std::int64_t T = last_extent(y);
  for (std::int64_t i = 0; i < y.elements(); ++i) integers(y)[i] = i % T;
}

void CpuBackend::split(View x, std::span<const TensorView> outputs,
                       std::span<const std::int64_t> parts) {
  const Parts p(x, outputs, parts);
  std::vector<std::byte*> to;
  for (View y : outputs) to.push_back(y.data);
  cpu::split(p.rows, p.widths, x.data, to);
}

void CpuBackend::join(std::span<const TensorView> inputs, View y,
                      std::span<const std::int64_t> parts) {
  const Parts p(y, inputs, parts);
  std::vector<const std::byte*> from;
  for (View x : inputs) from.push_back(x.data);
  cpu::join(p.rows, p.widths, from, y.data);
}

void CpuBackend::repeat_heads(View x, View y) {
  const HeadExtents e(x, y);
  SHARDPROOF_EXPECTS(x.dtype == y.dtype, name_of(x.dtype), name_of(y.dtype));
  const auto bytes = static_cast<std::int64_t>(size_bytes(x.dtype));
  cpu::repeat_heads(e.rows, e.heads, e.width * bytes, x.data, y.data);
}

void CpuBackend::sum_heads(View x, View y) {
  const HeadExtents e(y, x);
  with_compute_type(y, [&]<class C>(C) {
    const Input<C> in(scratch_, x);
    Output<C> out(scratch_, y);
    cpu::sum_heads(e.rows, e.heads, e.width, in.data(), out.data());
    out.store();
  });
}

}  // namespace shardproof::real
