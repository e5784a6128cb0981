#include "reports/values/recorded_numbers.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

void decode_recorded(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out) {
  if (dtype != Dtype::int64) return decode(dtype, bytes, out);
  constexpr std::int64_t most = std::int64_t{1} << 53;
  SHARDPROOF_EXPECTS(bytes.size() == out.size() * sizeof(std::int64_t), bytes.size(), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::int64_t value = 0;
    std::memcpy(&value, &bytes[i * sizeof value], sizeof value);
    out[i] = -most <= value && value <= most ? static_cast<double>(value)
                                             : std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace shardproof::reports
