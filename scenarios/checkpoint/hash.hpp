#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shardproof {

/// XXH3-64 of bytes that come piece by piece.
class StreamingHash {
 public:
  StreamingHash();
  ~StreamingHash();
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::uint64_t hash_of_text(std::string_view text);

/// 16 hex digits, and back.
std::string to_hex(std::uint64_t hash);
std::optional<std::uint64_t> hash_from_hex(std::string_view digits);

}  // namespace shardproof
