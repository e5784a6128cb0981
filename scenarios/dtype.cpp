#include "scenarios/dtype.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "scenarios/errors.hpp"
#include "scenarios/vectorised.hpp"

namespace shardproof {

namespace {
struct Row {
  Dtype dtype;
  const char* name;
  std::size_t bytes;
  FloatFormat format;
};
constexpr std::array<Row, 5> table{{{Dtype::fp64, "fp64", 8, {53, -1022, 1023}},
                                    {Dtype::fp32, "fp32", 4, {24, -126, 127}},
                                    {Dtype::bf16, "bf16", 2, {8, -126, 127}},
                                    {Dtype::fp16, "fp16", 2, {11, -14, 15}},
                                    {Dtype::int64, "int64", 8, {0, 0, 0}}}};
const Row& row_of(Dtype dtype) { return table[static_cast<std::size_t>(dtype)]; }
}  // namespace

std::size_t size_bytes(Dtype dtype) { return row_of(dtype).bytes; }
const char* name_of(Dtype dtype) { return row_of(dtype).name; }

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (const Row& row : table)
    if (name == row.name) return row.dtype;
  return std::nullopt;
}

FloatFormat format_of(Dtype dtype) {
  SHARDPROOF_EXPECTS(dtype != Dtype::int64, name_of(dtype));
  return row_of(dtype).format;
}

double unit_roundoff(Dtype dtype) { return std::ldexp(1.0, -format_of(dtype).precision); }

double ulp(Dtype dtype, double value) {
  const FloatFormat format = format_of(dtype);
  int exponent = format.min_exponent;
  if (std::isfinite(value) && value != 0)
    exponent = std::clamp(std::ilogb(value), format.min_exponent, format.max_exponent);
  return std::ldexp(1.0, exponent - format.precision + 1);
}

namespace {
// fp64 -> bf16 for normal bf16 numbers: 53 - 8 = 45 trailing bits are rounded away, ties to even.
// The carry moves into the exponent by itself.
double nearest_bf16(double value) {
  constexpr std::uint64_t dropped = 45;
  auto bits = std::bit_cast<std::uint64_t>(value);
  bits += (std::uint64_t{1} << (dropped - 1)) - 1 + ((bits >> dropped) & 1);
  bits &= ~((std::uint64_t{1} << dropped) - 1);
  return std::bit_cast<double>(bits);
}
}  // namespace

double round_to(Dtype dtype, double value) {
  if (dtype == Dtype::fp64 || !std::isfinite(value) || value == 0) return value;
  if (dtype == Dtype::fp32) return static_cast<double>(static_cast<float>(value));
  const double magnitude = std::fabs(value);
  if (dtype == Dtype::bf16 && magnitude >= 0x1p-126 && magnitude <= 0x1.fep127)
    return nearest_bf16(value);
  const FloatFormat format = format_of(dtype);
  const double spacing = ulp(dtype, value);
  const double rounded = std::nearbyint(value / spacing) * spacing;  // exact: powers of two
  const double largest =
      std::ldexp(2.0 - std::ldexp(1.0, 1 - format.precision), format.max_exponent);
  if (std::fabs(rounded) > largest)
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  return rounded == 0 ? std::copysign(0.0, value) : rounded;
}

namespace {

// fp64 numbers whose rounding to a format drops their last `dropped` bits and no others: normal
// numbers of the format that do not overflow, and zeros. Of the others it says so.
SHARDPROOF_VECTORISED bool drop_bits(std::span<double> values, unsigned dropped, double smallest,
                                     double largest) {
  const std::uint64_t half = (std::uint64_t{1} << (dropped - 1)) - 1;
  const std::uint64_t mask = ~((std::uint64_t{1} << dropped) - 1);
  std::uint64_t others = 0;
  for (double& value : values) {
    const double magnitude = std::fabs(value);
    others |= static_cast<std::uint64_t>(
        !((magnitude >= smallest && magnitude <= largest) || magnitude == 0));
    auto bits = std::bit_cast<std::uint64_t>(value);
    bits += half + ((bits >> dropped) & 1);
    value = std::bit_cast<double>(bits & mask);
  }
  return others == 0;
}

SHARDPROOF_VECTORISED void through_float(std::span<double> values) {
  for (double& value : values) value = static_cast<double>(static_cast<float>(value));
}

// In parts, so that what has a subnormal or an inf in it is done one by one, and nothing else.
void round_to_16_bits(Dtype dtype, std::span<double> values) {
  constexpr std::size_t at_once = 256;
  const FloatFormat format = format_of(dtype);
  const double smallest = std::ldexp(1.0, format.min_exponent);
  const double largest =
      std::ldexp(2.0 - std::ldexp(1.0, 1 - format.precision), format.max_exponent);
  std::array<double, at_once> before;
  for (; !values.empty(); values = values.subspan(std::min(at_once, values.size()))) {
    const auto part = values.first(std::min(at_once, values.size()));
    std::ranges::copy(part, before.begin());
    if (drop_bits(part, 53 - static_cast<unsigned>(format.precision), smallest, largest)) continue;
    for (std::size_t i = 0; i < part.size(); ++i) part[i] = round_to(dtype, before[i]);
  }
}

SHARDPROOF_VECTORISED bool are_floats(std::span<const double> values) {
  std::uint64_t others = 0;
  for (const double value : values)
    others |= static_cast<std::uint64_t>(static_cast<double>(static_cast<float>(value)) != value);
  return others == 0;
}

// Normal numbers of the format, and zeros: all others are asked one by one.
SHARDPROOF_VECTORISED bool have_zero_bits(std::span<const double> values, unsigned zeros,
                                          double smallest, double largest) {
  const std::uint64_t mask = (std::uint64_t{1} << zeros) - 1;
  std::uint64_t others = 0;
  for (const double value : values) {
    const double magnitude = std::fabs(value);
    others |= std::bit_cast<std::uint64_t>(value) & mask;
    others |= static_cast<std::uint64_t>(
        !((magnitude >= smallest && magnitude <= largest) || magnitude == 0));
  }
  return others == 0;
}

bool are_of_16_bits(Dtype dtype, std::span<const double> values) {
  constexpr std::size_t at_once = 1024;
  const FloatFormat format = format_of(dtype);
  const double smallest = std::ldexp(1.0, format.min_exponent);
  const double largest = std::ldexp(1.0, format.max_exponent);
  for (; !values.empty(); values = values.subspan(std::min(at_once, values.size()))) {
    const auto part = values.first(std::min(at_once, values.size()));
    if (have_zero_bits(part, 53 - static_cast<unsigned>(format.precision), smallest, largest))
      continue;
    for (const double value : part)
      if (!(round_to(dtype, value) == value)) return false;
  }
  return true;
}

}  // namespace

void round_all(Dtype dtype, std::span<double> values) {
  switch (dtype) {
    case Dtype::fp64:
    case Dtype::int64: return;
    case Dtype::fp32: return through_float(values);
    case Dtype::bf16:
    case Dtype::fp16: return round_to_16_bits(dtype, values);
  }
}

bool all_representable(Dtype dtype, std::span<const double> values) {
  if (dtype == Dtype::fp64 || dtype == Dtype::int64) return true;
  return dtype == Dtype::fp32 ? are_floats(values) : are_of_16_bits(dtype, values);
}

// The exponent of an inf and of a NaN is all ones.
SHARDPROOF_VECTORISED bool all_finite(std::span<const double> values) {
  constexpr std::uint64_t exponent = 0x7ff0000000000000;
  std::uint64_t others = 0;
  for (const double value : values)
    others |=
        static_cast<std::uint64_t>((std::bit_cast<std::uint64_t>(value) & exponent) == exponent);
  return others == 0;
}

namespace {
template <class Element, class Convert>
void read_as(std::span<const std::byte> bytes, std::span<double> out, Convert convert) {
  SHARDPROOF_EXPECTS(bytes.size() == out.size() * sizeof(Element), bytes.size(), out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = convert(element);
  }
}
template <class Element, class Convert>
void write_as(std::span<const double> values, std::span<std::byte> out, Convert convert) {
  SHARDPROOF_EXPECTS(out.size() == values.size() * sizeof(Element), out.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Element element = convert(values[i]);
    std::memcpy(out.data() + i * sizeof(Element), &element, sizeof(Element));
  }
}
SHARDPROOF_VECTORISED void widen_floats(const std::byte* bytes, double* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    float value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    out[i] = static_cast<double>(value);
  }
}

SHARDPROOF_VECTORISED void widen_bf16(const std::byte* bytes, double* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
    out[i] = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
  }
}

void read_floats(std::span<const std::byte> bytes, std::span<double> out) {
  SHARDPROOF_EXPECTS(bytes.size() == out.size() * sizeof(float), bytes.size(), out.size());
  widen_floats(bytes.data(), out.data(), out.size());
}

void read_bf16(std::span<const std::byte> bytes, std::span<double> out) {
  SHARDPROOF_EXPECTS(bytes.size() == out.size() * 2, bytes.size(), out.size());
  widen_bf16(bytes.data(), out.data(), out.size());
}

SHARDPROOF_VECTORISED void narrow_to_floats(const double* values, std::byte* out,
                                            std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(values[i]);
    std::memcpy(out + i * sizeof value, &value, sizeof value);
  }
}

// Of bf16 numbers in fp64: a float's upper half. A NaN keeps its sign and becomes quiet.
SHARDPROOF_VECTORISED void narrow_to_bf16(const double* values, std::byte* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(values[i]));
    const auto half = static_cast<std::uint16_t>(bits >> 16);
    std::memcpy(out + i * sizeof half, &half, sizeof half);
  }
}

void write_floats(std::span<const double> values, std::span<std::byte> out) {
  SHARDPROOF_EXPECTS(out.size() == values.size() * sizeof(float), out.size(), values.size());
  narrow_to_floats(values.data(), out.data(), values.size());
}

void write_bf16(std::span<const double> values, std::span<std::byte> out) {
  constexpr std::size_t at_once = 1024;
  SHARDPROOF_EXPECTS(out.size() == values.size() * 2, out.size(), values.size());
  std::array<double, at_once> rounded;
  for (std::size_t done = 0; done < values.size(); done += at_once) {
    const auto part = values.subspan(done, std::min(at_once, values.size() - done));
    std::ranges::copy(part, rounded.begin());
    round_all(Dtype::bf16, std::span(rounded).first(part.size()));
    narrow_to_bf16(rounded.data(), out.data() + 2 * done, part.size());
  }
}

}  // namespace

void decode(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out) {
  switch (dtype) {
    case Dtype::fp64: return read_as<double>(bytes, out, [](double v) { return v; });
    case Dtype::fp32: return read_floats(bytes, out);
    case Dtype::bf16: return read_bf16(bytes, out);
    case Dtype::fp16:
      return read_as<std::uint16_t>(
          bytes, out, [](std::uint16_t v) { return static_cast<double>(float_from_fp16(v)); });
    case Dtype::int64:
      return read_as<std::int64_t>(bytes, out, [](std::int64_t v) {
        SHARDPROOF_EXPECTS(v <= (std::int64_t{1} << 53) && v >= -(std::int64_t{1} << 53), v);
        return static_cast<double>(v);
      });
  }
}

void encode(Dtype dtype, std::span<const double> values, std::span<std::byte> out) {
  switch (dtype) {
    case Dtype::fp64: return write_as<double>(values, out, [](double v) { return v; });
    case Dtype::fp32: return write_floats(values, out);
    case Dtype::bf16: return write_bf16(values, out);
    case Dtype::fp16:
      return write_as<std::uint16_t>(values, out, [](double v) {
        return fp16_from_float(static_cast<float>(round_to(Dtype::fp16, v)));
      });
    case Dtype::int64:
      return write_as<std::int64_t>(values, out,
                                    [](double v) { return static_cast<std::int64_t>(v); });
  }
}

}  // namespace shardproof
