#include "scenarios/settings/injection.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace shardproof {

namespace {

constexpr std::string_view flip = "flip:";

bool holds(const std::vector<int>& subset, int number) {
  return subset.empty() || std::ranges::find(subset, number) != subset.end();
}

}  // namespace

bool Injection::active_in(int step, int micro_step) const {
  return holds(steps, step) && holds(micro_steps, micro_step);
}

bool Injection::concerns(int rank) const { return holds(ranks, rank); }

std::optional<int> flipped_bit(const std::string& value) {
  if (!value.starts_with(flip)) return std::nullopt;
  int bit = -1;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data() + flip.size(), end, bit);
  if (parsed.ec != std::errc() || parsed.ptr != end || bit < 0 || bit > 63) return std::nullopt;
  return bit;
}

}  // namespace shardproof
