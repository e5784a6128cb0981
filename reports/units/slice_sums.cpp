#include "reports/units/slice_sums.hpp"

#include <span>

#include "reference/bounds/replay.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

std::vector<double> decoded(Dtype dtype, const std::vector<std::byte>& bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode(dtype, bytes, values);
  return values;
}

}  // namespace

std::vector<std::byte> slices_after(const Program& program, const Op& op, Rank rank, Dtype dtype,
                                    const std::vector<std::byte>& slices,
                                    const std::vector<std::byte>& bucket) {
  const Value& sum = program.value(op.inputs.at(0));
  const Value& added = program.value(op.inputs.at(1));
  const std::vector<double> before = decoded(sum.dtype, slices);
  const std::vector<double> terms = decoded(added.dtype, bucket);
  const reference::UnitPrecision precision{
      .output = dtype, .compute = dtype == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32};
  const std::size_t size = size_bytes(sum.dtype);
  std::vector<std::byte> after = slices;
  for (const Kept& kept : kept_of(program.layout_of(added), program.layout_of(sum), sum.placement,
                                  program.grid(), rank)) {
    const auto part = [&](const std::vector<double>& all, std::int64_t begin) {
      return reference::Operand{{kept.count},
                                std::span(all).subspan(static_cast<std::size_t>(begin),
                                                       static_cast<std::size_t>(kept.count))};
    };
    const std::vector<reference::Operand> operands{part(before, kept.to), part(terms, kept.from)};
    const reference::UnitResult result =
        reference::replay(reference::UnitKind::add, {}, precision, operands);
    encode(sum.dtype, result.value,
           std::span(after).subspan(static_cast<std::size_t>(kept.to) * size,
                                    static_cast<std::size_t>(kept.count) * size));
  }
  return after;
}

}  // namespace shardproof::reports
