#include "reports/units/slice_sums.hpp"

#include <algorithm>

#include "reference/bounds/replay.hpp"
#include "reports/values/ranges.hpp"

namespace shardproof::reports {

std::vector<Kept> kept_of(const Program& program, const Op& op, Rank rank) {
  const Value& sum = program.value(op.inputs.at(0));
  const Value& added = program.value(op.inputs.at(1));
  return kept_of(program.layout_of(added), program.layout_of(sum), sum.placement, program.grid(),
                 rank);
}

void slices_after(std::span<const Kept> kept, Dtype dtype, const TensorView& slices,
                  const TensorView& bucket, std::int64_t first, std::span<std::byte> out) {
  const std::size_t size = size_bytes(slices.dtype());
  const std::int64_t end = first + static_cast<std::int64_t>(out.size() / size);
  slices.read_range(first, out);
  const reference::UnitPrecision precision{
      .output = dtype, .compute = dtype == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32};
  for (const Kept& part : kept) {
    const std::int64_t begin = std::max(part.to, first);
    const std::int64_t count = std::min(part.to + part.count, end) - begin;
    if (count <= 0) continue;
    const std::vector<double> before = decoded_range(slices, begin, count);
    const std::vector<double> terms = decoded_range(bucket, part.from + begin - part.to, count);
    const std::vector<reference::Operand> operands{{{count}, before}, {{count}, terms}};
    const reference::UnitResult result =
        reference::replay(reference::UnitKind::add, {}, precision, operands);
    encode(slices.dtype(), result.value,
           out.subspan(static_cast<std::size_t>(begin - first) * size,
                       static_cast<std::size_t>(count) * size));
  }
}

}  // namespace shardproof::reports
