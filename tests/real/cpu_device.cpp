// What only the CPU promises: its conversions are those of scenarios/dtype, its sums run in
// the documented order, and it refuses to work with subnormals flushed.
#include <algorithm>
#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "scenarios/errors.hpp"
#include "tests/support/kernels.hpp"
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace shardproof::real {

namespace {
using tests::CpuKernels;

template <class Element>
TensorView view_of(std::vector<Element>& values, Dtype dtype, Shape shape) {
  return {dtype, std::move(shape), reinterpret_cast<std::byte*>(values.data())};
}
template <class Element>
TensorView flat(std::vector<Element>& values, Dtype dtype) {
  return view_of(values, dtype, {std::ssize(values)});
}

std::vector<float> random_floats(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(generator() >> 8) * 0x1p-23F - 1.0F;
  return values;
}
float widened(Dtype dtype, std::uint16_t code) {
  return dtype == Dtype::bf16 ? float_from_bf16(code) : float_from_fp16(code);
}
}  // namespace

BOOST_AUTO_TEST_SUITE(cpu_device)

BOOST_AUTO_TEST_CASE(every_code_of_16_bits_widens_as_in_scenarios_dtype) {
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16}) {
    std::vector<std::uint16_t> codes(65536);
    std::iota(codes.begin(), codes.end(), std::uint16_t{0});
    std::vector<float> floats(codes.size());

    CpuKernels().cast(flat(codes, dtype), flat(floats, Dtype::fp32));

    for (std::size_t i = 0; i < codes.size(); ++i)
      BOOST_REQUIRE(std::bit_cast<std::uint32_t>(floats[i]) ==
                    std::bit_cast<std::uint32_t>(widened(dtype, codes[i])));
  }
}

BOOST_AUTO_TEST_CASE(fp32_at_and_beside_every_tie_narrows_as_in_scenarios_dtype) {
  std::vector<float> floats;
  for (std::uint32_t code = 0; code < 65536; ++code) {
    for (const std::uint32_t low : {0x0000U, 0x0001U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU})
      floats.push_back(std::bit_cast<float>(code << 16 | low));
    const float low = float_from_fp16(static_cast<std::uint16_t>(code));
    const float tie = low / 2 + float_from_fp16(static_cast<std::uint16_t>(code + 1)) / 2;
    floats.insert(floats.end(), {low, tie, std::nextafter(tie, -1e9F), std::nextafter(tie, 1e9F)});
  }
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16}) {
    std::vector<std::uint16_t> codes(floats.size());

    CpuKernels().cast(flat(floats, Dtype::fp32), flat(codes, dtype));

    for (std::size_t i = 0; i < codes.size(); ++i)
      BOOST_REQUIRE_MESSAGE(codes[i] == (dtype == Dtype::bf16 ? bf16_from_float(floats[i])
                                                              : fp16_from_float(floats[i])),
                            floats[i] << " to " << name_of(dtype));
  }
}

BOOST_AUTO_TEST_CASE(fp64_at_and_beside_ties_narrows_in_one_rounding) {
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16}) {
    std::vector<double> values;
    for (std::uint32_t code = 0; code < 65536; ++code) {
      const double low = widened(dtype, static_cast<std::uint16_t>(code));
      const double high = widened(dtype, static_cast<std::uint16_t>(code + 1));
      const double tie = low / 2 + high / 2;
      if (!std::isfinite(tie)) continue;
      values.insert(values.end(), {low, tie, std::nextafter(tie, low), std::nextafter(tie, high)});
    }
    values.insert(values.end(), {1e300, -1e300, 1e-300, 0x1.fep127, 0x1.ffp127, 0x1.feffffffp127,
                                 65504.0, 65519.999999999, 65520.0, 0x1p-25, 0x1.0000000001p-25});
    std::vector<std::uint16_t> codes(values.size());

    CpuKernels().cast(flat(values, Dtype::fp64), flat(codes, dtype));

    for (std::size_t i = 0; i < codes.size(); ++i) {
      const double got = widened(dtype, codes[i]);
      BOOST_REQUIRE_MESSAGE(got == round_to(dtype, values[i]), values[i] << " gives " << got);
    }
  }
}

BOOST_AUTO_TEST_CASE(rms_norm_sums_squares_from_first_to_last) {
  constexpr std::int64_t H = 257;
  std::vector<float> x = random_floats(H, 1);
  std::vector<float> weight = random_floats(H, 2);
  std::vector<float> y(x.size());

  CpuKernels().rms_norm(flat(x, Dtype::fp32), flat(weight, Dtype::fp32), flat(y, Dtype::fp32), 0.5);

  float sum = 0;
  for (const float value : x) sum += value * value;
  const float R = 1.0F / std::sqrt(sum / static_cast<float>(H) + 0.5F);
  for (std::size_t i = 0; i < y.size(); ++i) BOOST_TEST(y[i] == x[i] * R * weight[i]);
}

BOOST_AUTO_TEST_CASE(attention_sums_over_the_head_then_over_the_keys_from_first_to_last) {
  constexpr std::int64_t T = 37;
  constexpr std::int64_t hd = 5;
  std::vector<float> q = random_floats(T * hd, 3);
  std::vector<float> k = random_floats(T * hd, 4);
  std::vector<float> v = random_floats(T * hd, 5);
  std::vector<float> o(q.size());
  std::vector<float> lse(T);
  const Shape shape = {1, T, hd};

  CpuKernels().attention(view_of(q, Dtype::fp32, shape), view_of(k, Dtype::fp32, shape),
                         view_of(v, Dtype::fp32, shape), nullptr, view_of(o, Dtype::fp32, shape),
                         view_of(lse, Dtype::fp32, {1, 1, T}), {.head_dim = hd});

  const auto scale = static_cast<float>(1.0 / std::sqrt(5.0));
  for (std::size_t t = 0; t < T; ++t) {
    std::vector<float> p(t + 1);
    for (std::size_t j = 0; j <= t; ++j) {
      float dot = q[t * hd] * k[j * hd];
      for (std::size_t d = 1; d < hd; ++d) dot += q[t * hd + d] * k[j * hd + d];
      p[j] = dot * scale;
    }
    const float largest = *std::max_element(p.begin(), p.end());
    float sum = 0;
    for (float& value : p) sum += value = std::exp(value - largest);
    for (std::size_t d = 0; d < hd; ++d) {
      float weighted = 0;
      for (std::size_t j = 0; j <= t; ++j) weighted += p[j] * v[j * hd + d];
      BOOST_TEST(o[t * hd + d] == weighted / sum);
    }
    BOOST_TEST(lse[t] == largest + std::log(sum));
  }
}

BOOST_AUTO_TEST_CASE(a_bf16_op_equals_the_fp32_op_rounded_at_its_end) {
  std::vector<std::uint16_t> x16(600);
  std::vector<std::uint16_t> w16(300);
  std::mt19937 generator(6);
  for (auto* values : {&x16, &w16})
    for (std::uint16_t& code : *values)
      code = bf16_from_float(static_cast<float>(generator() >> 8) * 0x1p-23F - 1.0F);
  std::vector<float> x32(x16.size());
  std::vector<float> w32(w16.size());
  std::vector<float> y32(20 * 10);
  std::vector<std::uint16_t> y16(y32.size());
  CpuKernels cpu;
  cpu.cast(flat(x16, Dtype::bf16), flat(x32, Dtype::fp32));
  cpu.cast(flat(w16, Dtype::bf16), flat(w32, Dtype::fp32));

  cpu.matmul(view_of(x16, Dtype::bf16, {20, 30}), view_of(w16, Dtype::bf16, {10, 30}),
             view_of(y16, Dtype::bf16, {20, 10}));
  cpu.matmul(view_of(x32, Dtype::fp32, {20, 30}), view_of(w32, Dtype::fp32, {10, 30}),
             view_of(y32, Dtype::fp32, {20, 10}));

  for (std::size_t i = 0; i < y16.size(); ++i) BOOST_TEST(y16[i] == bf16_from_float(y32[i]));
}

BOOST_AUTO_TEST_CASE(reductions_of_integers_have_no_meaning) {
  std::vector<std::int64_t> tokens = {1, 2};
  std::vector<float> y(2);
  CpuKernels cpu;

  BOOST_CHECK_THROW(cpu.scale(flat(tokens, Dtype::int64), flat(y, Dtype::fp32), 2.0),
                    InvariantError);
}

#if defined(__SSE__)
BOOST_AUTO_TEST_CASE(a_process_that_flushes_subnormals_is_refused) {
  const unsigned before = _mm_getcsr();
  for (const unsigned flag : {0x8000U /* FTZ */, 0x0040U /* DAZ */}) {
    _mm_setcsr(before | flag);
    BOOST_CHECK_THROW(CpuDevice(), EnvironmentError);
    _mm_setcsr(before);
  }
  BOOST_CHECK_NO_THROW(CpuDevice());
}
#endif

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::real
