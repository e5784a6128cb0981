#include "reports/compare/tensor_compare.hpp"

#include "reports/compare/common_factor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/values/recorded_numbers.hpp"

namespace shardproof::reports {

namespace {

std::vector<double> decoded(Dtype dtype, std::span<const std::byte> bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode_recorded(dtype, bytes, values);
  return values;
}

std::optional<double> common_factor(const TensorView& expected, const TensorView& got, Dtype dtype,
                                    std::int64_t failed) {
  FactorSearch search(dtype, failed);
  for_each_range(expected, got, [&](std::size_t, ByteSpan x, ByteSpan y) {
    search.look_at(decoded(dtype, x), decoded(dtype, y));
  });
  bool explained = search.candidate().has_value();
  for_each_range(expected, got, [&](std::size_t, ByteSpan x, ByteSpan y) {
    explained = explained && search.explains(decoded(dtype, x), {}, decoded(dtype, y));
  });
  return explained ? search.candidate() : std::nullopt;
}

}  // namespace

Comparison compare_bits(const TensorView& expected, const TensorView& got, Dtype dtype) {
  Comparison all;
  for_each_range(expected, got, [&](std::size_t begin, ByteSpan x, ByteSpan y) {
    Comparison part = compare_bits(x, y, dtype);
    if (part.first_failed >= 0)
      part.first_failed += static_cast<std::int64_t>(begin / size_bytes(dtype));
    all.add(part);
  });
  if (all.failed > 0) all.factor = common_factor(expected, got, dtype, all.failed);
  return all;
}

}  // namespace shardproof::reports
