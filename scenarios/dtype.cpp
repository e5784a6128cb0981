#include "scenarios/dtype.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "scenarios/errors.hpp"

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
}  // namespace

void decode(Dtype dtype, std::span<const std::byte> bytes, std::span<double> out) {
  switch (dtype) {
    case Dtype::fp64: return read_as<double>(bytes, out, [](double v) { return v; });
    case Dtype::fp32:
      return read_as<float>(bytes, out, [](float v) { return static_cast<double>(v); });
    case Dtype::bf16:
      return read_as<std::uint16_t>(
          bytes, out, [](std::uint16_t v) { return static_cast<double>(float_from_bf16(v)); });
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
    case Dtype::fp32:
      return write_as<float>(values, out, [](double v) { return static_cast<float>(v); });
    case Dtype::bf16:
      return write_as<std::uint16_t>(values, out, [](double v) {
        return bf16_from_float(static_cast<float>(round_to(Dtype::bf16, v)));
      });
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
