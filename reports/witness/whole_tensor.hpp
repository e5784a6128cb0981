#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::reports {

/// All elements of a tensor, row-major, as they are stored.
struct WholeTensor {
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::vector<std::byte> bytes;

  std::span<const std::byte> element(std::int64_t i) const {
    return std::span(bytes).subspan(static_cast<std::size_t>(i) * size_bytes(dtype),
                                    size_bytes(dtype));
  }
};

/// The elements of regions, one region after another, in row-major order. The judge's own cut: a
/// plain walk over the rows of each box, which shares no line with what the engine cuts by
/// (scenarios/data/region_runs, scenarios/checkpoint/tensor_sources, scatter and extract).
std::vector<std::byte> cut(const WholeTensor& whole, std::span<const Region> regions);

/// The inverse: puts a part where it belongs. `held` has an entry for each element of the tensor,
/// and says afterwards that those of the part are there. False if an element was there already with
/// other bits.
bool put_in_place(std::span<const std::byte> part, std::span<const Region> regions,
                  WholeTensor& whole, std::vector<bool>& held);

/// The same values in another dtype, each rounded once.
WholeTensor recast(WholeTensor from, Dtype to);

}  // namespace shardproof::reports
