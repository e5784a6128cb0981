#pragma once

#include <bit>
#include <cstdint>

namespace shardproof {

// The 16-bit formats as raw bits, by integer arithmetic alone: any compiler for any device computes
// the same. Rounding is to nearest, ties to even; subnormals are kept; overflow gives infinity.

/// NaN becomes a quiet NaN of the same sign.
constexpr std::uint16_t bf16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x0040U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

constexpr float float_from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

constexpr std::uint16_t fp16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  const auto signed_bits = [sign](std::uint32_t m) { return static_cast<std::uint16_t>(sign | m); };
  const auto rounded_off = [](std::uint32_t m, std::uint32_t dropped) {
    return (m + ((1U << (dropped - 1)) - 1) + ((m >> dropped) & 1U)) >> dropped;
  };
  if (magnitude > 0x7f800000U) return signed_bits(0x7e00);   // NaN
  if (magnitude >= 0x477ff000U) return signed_bits(0x7c00);  // 65520, half way to 2^16, and above
  if (magnitude >= 0x38800000U)                              // 2^-14: the smallest normal number
    return signed_bits(rounded_off(magnitude, 13) - ((127 - 15) << 10));
  const std::uint32_t exponent = magnitude >> 23;  // value = mantissa * 2^(exponent - 150)
  if (exponent < 102) return signed_bits(0);       // below 2^-25, half of the smallest number
  return signed_bits(rounded_off((magnitude & 0x7fffffU) | 0x800000U, 126 - exponent));
}

constexpr float float_from_fp16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0x1f)
    return std::bit_cast<float>(sign | 0x7f800000U | (mantissa != 0 ? 0x400000U : 0U));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

}  // namespace shardproof
