#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "scenarios/float16.hpp"

namespace shardproof {

/// What the bits of an element mean. `int64` carries token ids and labels.
enum class Dtype { fp64, fp32, bf16, fp16, int64 };

std::size_t size_bytes(Dtype dtype);
/// "fp64", "fp32", "bf16", "fp16", "int64".
const char* name_of(Dtype dtype);
std::optional<Dtype> dtype_from_name(std::string_view name);

/// A binary floating-point format: `precision` significant bits (the hidden one included),
/// exponents of normal numbers from `min_exponent` to `max_exponent` (value 1.f * 2^e).
struct FloatFormat {
  int precision;
  int min_exponent;
  int max_exponent;
};
/// fp64 {53,-1022,1023}, fp32 {24,-126,127}, bf16 {8,-126,127}, fp16 {11,-14,15}.
FloatFormat format_of(Dtype dtype);
/// Unit roundoff u = 2^-precision.
double unit_roundoff(Dtype dtype);

/// Round to nearest, ties to even, once, from fp64 straight to the format; overflow gives infinity,
/// subnormals are kept, NaN stays NaN. The result is exact in fp64.
double round_to(Dtype dtype, double value);
/// The same of each of many.
void round_all(Dtype dtype, std::span<double> values);
/// True if every value is a number of the format (int64: a whole number that fp64 holds exactly).
bool all_representable(Dtype dtype, std::span<const double> values);
bool all_finite(std::span<const double> values);
/// Spacing of the format's numbers at |value| (of the binade that holds it; the subnormal spacing
/// near zero).
double ulp(Dtype dtype, double value);

/// Reads `count` = out.size() elements of `dtype`; exact (int64 beyond 2^53 is an invariant error).
void decode(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out);
/// Writes elements, each rounded once by round_to.
void encode(Dtype dtype, std::span<const double> values, std::span<std::byte> out);

}  // namespace shardproof
