#include "scenarios/checkpoint/hash.hpp"

#define XXH_STATIC_LINKING_ONLY  // the layout of a state, which needs its alignment
#include <xxhash.h>

#include <charconv>
#include <cstdio>

#include "scenarios/errors.hpp"

namespace shardproof {

struct StreamingHash::State {
  XXH3_state_t xxh3;
};

StreamingHash::StreamingHash() : state_(std::make_unique<State>()) {
  SHARDPROOF_EXPECTS(XXH3_64bits_reset(&state_->xxh3) == XXH_OK);
}

StreamingHash::~StreamingHash() = default;

void StreamingHash::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

std::uint64_t StreamingHash::value() const { return XXH3_64bits_digest(&state_->xxh3); }

std::uint64_t hash_of_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

std::string to_hex(std::uint64_t hash) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

std::optional<std::uint64_t> hash_from_hex(std::string_view digits) {
  std::uint64_t hash = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, hash, 16);
  if (digits.size() != 16 || error != std::errc() || stop != end) return std::nullopt;
  return hash;
}

}  // namespace shardproof
