#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace shardproof::real::cpu {

// Features that belong to heads: moved as bytes, and summed.

/// x (rows, sum of parts) -> outputs[k] (rows, parts[k]); all widths in bytes.
void split(std::int64_t rows, std::span<const std::int64_t> parts, const std::byte* x,
           std::span<std::byte* const> outputs);
/// The inverse.
void join(std::int64_t rows, std::span<const std::int64_t> parts,
          std::span<const std::byte* const> inputs, std::byte* y);
/// x (rows, width) -> y (rows, heads, width); the width in bytes.
void repeat_heads(std::int64_t rows, std::int64_t heads, std::int64_t width, const std::byte* x,
                  std::byte* y);
/// x (rows, heads, width) -> y (rows, width) = the sum over the heads, first to last.
template <class C>
void sum_heads(std::int64_t rows, std::int64_t heads, std::int64_t width, const C* x, C* y);

}  // namespace shardproof::real::cpu
