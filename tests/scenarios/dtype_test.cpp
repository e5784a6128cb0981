#include "scenarios/dtype.hpp"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "scenarios/errors.hpp"

using namespace shardproof;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A 16-bit format as IEEE 754 defines it, written down apart from the library: the value of a code
// from its fields.
struct Format16 {
  Dtype dtype;
  int mantissa_bits;
  int bias;
  float (*decode)(std::uint16_t);
  std::uint16_t (*encode)(float);

  int exponent_codes() const { return 1 << (15 - mantissa_bits); }
  std::uint16_t infinity() const {
    return static_cast<std::uint16_t>((exponent_codes() - 1) << mantissa_bits);
  }
  double value_of(std::uint16_t code) const {
    const int magnitude = code & 0x7fff;
    const int exponent = magnitude >> mantissa_bits;
    const int mantissa = magnitude & ((1 << mantissa_bits) - 1);
    double value = 0;
    if (exponent == exponent_codes() - 1)
      value = mantissa == 0 ? kInfinity : std::nan("");
    else if (exponent == 0)
      value = mantissa * std::pow(2.0, 1 - bias - mantissa_bits);
    else
      value = (mantissa + std::pow(2.0, mantissa_bits)) *
              std::pow(2.0, exponent - bias - mantissa_bits);
    return code & 0x8000 ? -value : value;
  }
};

const Format16 kFormats[] = {{Dtype::bf16, 7, 127, float_from_bf16, bf16_from_float},
                             {Dtype::fp16, 10, 15, float_from_fp16, fp16_from_float}};

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_16_bit_code_decodes_to_the_value_of_its_fields) {
  for (const Format16& format : kFormats)
    for (int code = 0; code < 0x10000; ++code) {
      const auto bits = static_cast<std::uint16_t>(code);
      const double expected = format.value_of(bits);
      const double got = static_cast<double>(format.decode(bits));
      if (std::isnan(expected))
        BOOST_REQUIRE(std::isnan(got));
      else
        BOOST_REQUIRE(same_bits(got, expected));
    }
}

BOOST_AUTO_TEST_CASE(every_16_bit_code_survives_a_round_trip) {
  for (const Format16& format : kFormats)
    for (int code = 0; code < 0x10000; ++code) {
      const auto bits = static_cast<std::uint16_t>(code);
      const float value = format.decode(bits);
      if (std::isnan(value)) {
        BOOST_REQUIRE(std::isnan(format.decode(format.encode(value))));
        BOOST_REQUIRE_EQUAL(format.encode(value) >> 15, code >> 15);
      } else {
        BOOST_REQUIRE_EQUAL(format.encode(value), bits);
        BOOST_REQUIRE(same_bits(round_to(format.dtype, static_cast<double>(value)),
                                static_cast<double>(value)));
      }
    }
}

BOOST_AUTO_TEST_CASE(between_two_neighbours_the_nearer_wins_and_a_tie_goes_to_the_even_one) {
  for (const Format16& format : kFormats)
    for (std::uint16_t low = 0; low < format.infinity(); ++low) {
      const auto high = static_cast<std::uint16_t>(low + 1);
      const double below = format.value_of(low);
      // Past the largest number the format continues as if it had one more binade (IEEE
      // 754, 4.3.1).
      const double above =
          high == format.infinity()
              ? below + (below - format.value_of(static_cast<std::uint16_t>(low - 1)))
              : format.value_of(high);
      const double tie = (below + above) / 2;
      const std::uint16_t even = low % 2 == 0 ? low : high;
      const auto check = [&](double value, std::uint16_t code) {
        const double expected = format.value_of(code);
        const auto negative = static_cast<std::uint16_t>(code | 0x8000);
        BOOST_REQUIRE(same_bits(round_to(format.dtype, value), expected));
        BOOST_REQUIRE(same_bits(round_to(format.dtype, -value), -expected));
        if (static_cast<double>(static_cast<float>(value)) != value) return;
        BOOST_REQUIRE_EQUAL(format.encode(static_cast<float>(value)), code);
        BOOST_REQUIRE_EQUAL(format.encode(static_cast<float>(-value)), negative);
      };
      check(tie, even);
      // One fp64 step and one fp32 step to either side: rounding by way of fp32 would lose the
      // first.
      check(std::nextafter(tie, 0.0), low);
      check(std::nextafter(tie, kInfinity), high);
      check(static_cast<double>(std::nextafter(static_cast<float>(tie), 0.0F)), low);
      check(static_cast<double>(std::nextafter(static_cast<float>(tie), HUGE_VALF)), high);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_or_zero_keeps_its_sign) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    BOOST_TEST(round_to(dtype, kInfinity) == kInfinity);
    BOOST_TEST(round_to(dtype, -kInfinity) == -kInfinity);
    BOOST_TEST(std::isnan(round_to(dtype, std::nan(""))));
    BOOST_TEST(same_bits(round_to(dtype, -0.0), -0.0));
  }
  for (const Dtype dtype : {Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    BOOST_TEST(same_bits(round_to(dtype, -1e-300), -0.0));
    BOOST_TEST(round_to(dtype, 1e300) == kInfinity);
  }
}

BOOST_AUTO_TEST_CASE(rounding_random_numbers_leaves_at_most_half_an_ulp) {
  const std::uint64_t seed = 77;
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> mantissa(1.0, 2.0);
  for (int i = 0; i < 100'000; ++i)
    for (const Dtype dtype : {Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
      const double value = std::ldexp(mantissa(random), static_cast<int>(random() % 30) - 14);
      const double error = std::fabs(round_to(dtype, value) - value);
      BOOST_REQUIRE_LE(error, ulp(dtype, value) / 2);
      BOOST_REQUIRE_LE(error, unit_roundoff(dtype) * value);
    }
}

BOOST_AUTO_TEST_CASE(an_ulp_is_the_distance_to_the_next_number) {
  for (const Format16& format : kFormats)
    for (std::uint16_t code = 0; code + 1 < format.infinity(); ++code) {
      const double here = format.value_of(code);
      const double next = format.value_of(static_cast<std::uint16_t>(code + 1));
      BOOST_REQUIRE_EQUAL(ulp(format.dtype, here), next - here);
      BOOST_REQUIRE_EQUAL(ulp(format.dtype, -here), next - here);
    }
  for (const double value : {1.0, 1.5, 3e300, 5e-324, 2.2250738585072014e-308})
    BOOST_TEST(ulp(Dtype::fp64, value) == std::nextafter(value, kInfinity) - value);
  for (const float value : {1.0F, 1.5F, 3e30F, 1e-45F, 1.17549435e-38F})
    BOOST_TEST(ulp(Dtype::fp32, static_cast<double>(value)) ==
               static_cast<double>(std::nextafter(value, 1e38F) - value));
}

BOOST_AUTO_TEST_CASE(names_and_sizes_of_dtypes) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16, Dtype::int64})
    BOOST_TEST((dtype_from_name(name_of(dtype)) == dtype));
  BOOST_TEST(!dtype_from_name("half").has_value());
  BOOST_TEST(size_bytes(Dtype::bf16) == 2U);
  BOOST_TEST(unit_roundoff(Dtype::bf16) == 0x1p-8);
  BOOST_TEST(unit_roundoff(Dtype::fp64) == 0x1p-53);
  BOOST_CHECK_THROW(format_of(Dtype::int64), InvariantError);
}

BOOST_AUTO_TEST_CASE(encode_rounds_each_element_once_and_decode_is_exact) {
  const std::vector<double> values = {1.0, -0.1, 1e-40, 65504.0, 1.0 + 0x1p-8 + 0x1p-40, kInfinity};
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16}) {
    std::vector<std::byte> bytes(values.size() * size_bytes(dtype));
    std::vector<double> back(values.size());
    encode(dtype, values, bytes);
    decode(dtype, bytes, back);
    for (std::size_t i = 0; i < values.size(); ++i)
      BOOST_TEST(same_bits(back[i], round_to(dtype, values[i])));
  }
  BOOST_CHECK_THROW(encode(Dtype::fp32, values, std::span<std::byte>()), InvariantError);
}

BOOST_AUTO_TEST_CASE(an_int64_beyond_53_bits_is_refused_rather_than_changed) {
  const std::int64_t values[] = {(std::int64_t{1} << 53), (std::int64_t{1} << 53) + 1};
  double out = 0;
  decode(Dtype::int64, std::as_bytes(std::span(values, 1)), {&out, 1});
  BOOST_TEST(out == 0x1p53);
  BOOST_CHECK_THROW(decode(Dtype::int64, std::as_bytes(std::span(values + 1, 1)), {&out, 1}),
                    InvariantError);
}
