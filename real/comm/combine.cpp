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
C sum(C earlier, C own) {
  return without_payload(earlier + own);
}

template <class C>
C largest(C earlier, C own) {
  if (std::isnan(earlier) || std::isnan(own)) return without_payload(earlier + own);
  return own > earlier ? own : earlier;
}

template <class Storage, class Combined>
void combine_elements(std::span<const std::byte> earlier, std::span<std::byte> own,
                      Combined combined) {
  const auto* from = reinterpret_cast<const Storage*>(earlier.data());
  auto* to = reinterpret_cast<Storage*>(own.data());
  const std::size_t count = own.size() / sizeof(Storage);
  for (std::size_t i = 0; i < count; ++i) to[i] = combined(from[i], to[i]);
}

/// One loop for each: the choice is outside of it.
template <class Storage, class Read, class Write>
void combine_numbers(Combine combine, std::span<const std::byte> earlier, std::span<std::byte> own,
                     Read read, Write write) {
  if (combine == Combine::sum)
    combine_elements<Storage>(earlier, own,
                              [=](Storage a, Storage b) { return write(sum(read(a), read(b))); });
  else
    combine_elements<Storage>(
        earlier, own, [=](Storage a, Storage b) { return write(largest(read(a), read(b))); });
}

void combine_integers(Combine combine, std::span<const std::byte> earlier,
                      std::span<std::byte> own) {
  SHARDPROOF_EXPECTS(combine == Combine::max, "no sum of integers");
  combine_elements<std::int64_t>(earlier, own,
                                 [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
}
}  // namespace

void combine_into(Combine combine, Dtype dtype, std::span<const std::byte> earlier,
                  std::span<std::byte> own) {
  SHARDPROOF_EXPECTS(earlier.size() == own.size(), earlier.size(), own.size());
  const auto same = [](auto value) { return value; };
  switch (dtype) {
    case Dtype::fp64: return combine_numbers<double>(combine, earlier, own, same, same);
    case Dtype::fp32: return combine_numbers<float>(combine, earlier, own, same, same);
    case Dtype::bf16:
      return combine_numbers<std::uint16_t>(combine, earlier, own, float_from_bf16,
                                            bf16_from_float);
    case Dtype::fp16:
      return combine_numbers<std::uint16_t>(combine, earlier, own, float_from_fp16,
                                            fp16_from_float);
    case Dtype::int64: return combine_integers(combine, earlier, own);
  }
}

}  // namespace shardproof::real
