#include "reports/compare/tensor_compare.hpp"

#include <algorithm>

#include "reports/compare/common_factor.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

// The bytes of both, 1 MiB at a time: visit(first element, expected, got).
template <class Visit>
void for_each_range(const TensorView& a, const TensorView& b, Dtype dtype, Visit visit) {
  constexpr std::size_t at_once = 1 << 20;
  Bytes x, y;
  for (std::size_t begin = 0; begin < a.bytes(); begin += at_once) {
    const std::size_t size = std::min(at_once, a.bytes() - begin);
    x.resize(size);
    y.resize(size);
    a.read_range(static_cast<std::int64_t>(begin / size_bytes(a.dtype())), x);
    b.read_range(static_cast<std::int64_t>(begin / size_bytes(b.dtype())), y);
    visit(static_cast<std::int64_t>(begin / size_bytes(dtype)), x, y);
  }
}

std::vector<double> decoded(Dtype dtype, const Bytes& bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode(dtype, bytes, values);
  return values;
}

std::optional<double> common_factor(const TensorView& expected, const TensorView& got, Dtype dtype,
                                    std::int64_t failed) {
  FactorSearch search(dtype, failed);
  for_each_range(expected, got, dtype, [&](std::int64_t, const Bytes& x, const Bytes& y) {
    search.look_at(decoded(dtype, x), decoded(dtype, y));
  });
  bool explained = search.candidate().has_value();
  for_each_range(expected, got, dtype, [&](std::int64_t, const Bytes& x, const Bytes& y) {
    explained = explained && search.explains(decoded(dtype, x), {}, decoded(dtype, y));
  });
  return explained ? search.candidate() : std::nullopt;
}

}  // namespace

Comparison compare_bits(const TensorView& expected, const TensorView& got, Dtype dtype) {
  SHARDPROOF_EXPECTS(expected.bytes() == got.bytes(), expected.bytes(), got.bytes());
  Comparison all;
  for_each_range(expected, got, dtype, [&](std::int64_t first, const Bytes& x, const Bytes& y) {
    Comparison part = compare_bits(x, y, dtype);
    if (part.first_failed >= 0) part.first_failed += first;
    all.add(part);
  });
  if (all.failed > 0) all.factor = common_factor(expected, got, dtype, all.failed);
  return all;
}

}  // namespace shardproof::reports
