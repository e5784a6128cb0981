#include "real/comm/combine.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
/// Which of two NaNs an addition propagates depends on the compiler's choice of operands, so every
/// NaN is made the same one: the bits must not depend on who computed them.
template <class C>
C without_payload(C value) {
  return std::isnan(value) ? std::numeric_limits<C>::quiet_NaN() : value;
}

template <class C>
C combined(Combine combine, C earlier, C own) {
  if (combine == Combine::sum || std::isnan(earlier) || std::isnan(own))
    return without_payload(earlier + own);
  return own > earlier ? own : earlier;
}

std::int64_t combined(Combine combine, std::int64_t earlier, std::int64_t own) {
  SHARDPROOF_EXPECTS(combine == Combine::max, "no sum of integers");
  return std::max(earlier, own);
}

template <class Storage, class Read, class Write>
void combine_elements(Combine combine, std::span<const std::byte> earlier, std::span<std::byte> own,
                      Read read, Write write) {
  const auto* from = reinterpret_cast<const Storage*>(earlier.data());
  auto* to = reinterpret_cast<Storage*>(own.data());
  for (std::size_t i = 0; i < own.size() / sizeof(Storage); ++i)
    to[i] = write(combined(combine, read(from[i]), read(to[i])));
}
}  // namespace

void combine_into(Combine combine, Dtype dtype, std::span<const std::byte> earlier,
                  std::span<std::byte> own) {
  SHARDPROOF_EXPECTS(earlier.size() == own.size(), earlier.size(), own.size());
  const auto same = [](auto value) { return value; };
  switch (dtype) {
    case Dtype::fp64: return combine_elements<double>(combine, earlier, own, same, same);
    case Dtype::fp32: return combine_elements<float>(combine, earlier, own, same, same);
    case Dtype::bf16:
      return combine_elements<std::uint16_t>(combine, earlier, own, float_from_bf16,
                                             bf16_from_float);
    case Dtype::fp16:
      return combine_elements<std::uint16_t>(combine, earlier, own, float_from_fp16,
                                             fp16_from_float);
    case Dtype::int64: return combine_elements<std::int64_t>(combine, earlier, own, same, same);
  }
}

}  // namespace shardproof::real
