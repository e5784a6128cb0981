#pragma once

// What the kernels of every device must compute, as one suite in three parts: numbers by hand, the
// documented forms of rounding bit by bit, and sums against naive_ops.hpp within the bounds of
// bounds-annex.md, whatever their order. The including test program defines make_device().

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <string>

#include "scenarios/errors.hpp"
#include "tests/contracts/device_under_test.hpp"
#include "tests/contracts/naive_ops.hpp"
#include "tests/contracts/within.hpp"

namespace shardproof::contract {

/// The elements rounded as they are stored.
inline Values rounded(Dtype dtype, Values values) {
  for (double& value : values) value = round_to(dtype, value);
  return values;
}

BOOST_AUTO_TEST_SUITE(kernel_contract)

// ---- Movement ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_cast_rounds_once_to_nearest_even) {
  Device device;
  // 1 + 2^-8 is a tie of bf16 and goes to 1; a 2^-30 more must take it up, also from fp64, where a
  // detour over fp32 would lose it.
  const Values values = {
      1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-30, 1 + 3 * 0x1p-8, -1 - 0x1p-8 - 0x1p-40, 3.4e38, 0x1p-140,
      NAN};
  const auto x = device.tensor(Dtype::fp64, {7}, values);
  const auto y = device.output(Dtype::bf16, {7});

  device->cast(x, y);

  const Values got = device.read(y);
  BOOST_TEST(got[0] == 1.0);
  BOOST_TEST(got[1] == 1 + 0x1p-7);
  BOOST_TEST(got[2] == 1 + 0x1p-6);
  BOOST_TEST(got[3] == -1 - 0x1p-7);
  BOOST_TEST(got[4] == round_to(Dtype::bf16, 3.4e38));
  BOOST_TEST(got[5] == 0.0);
  BOOST_TEST(std::isnan(got[6]));
}

BOOST_AUTO_TEST_CASE(a_cast_from_any_dtype_to_any_other_equals_round_to) {
  Device device;
  const Shape shape = {1000};
  for (const Dtype from : float_dtypes)
    for (const Dtype to : float_dtypes) {
      const Values values = random_values(from, shape, 1);
      const auto y = device.output(to, shape);

      device->cast(device.tensor(from, shape, values), y);

      BOOST_TEST(device.read(y) == rounded(to, values), boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_checksum_is_two_halves_that_change_with_one_bit) {
  Device device;
  const auto out = device.output(Dtype::fp64, {2});
  device->checksum(device.tensor(Dtype::fp32, {0}, {}), out);
  // These values are those of a few lines of Python, written from docs/bounds.md.
  BOOST_TEST(device.read(out) == (Values{0x5692161dp0, 0x100b05e5p0}),
             boost::test_tools::per_element());

  device->checksum(device.tensor(Dtype::fp32, {2}, {1, 2}), out);
  const Values first = device.read(out);
  BOOST_TEST(first == (Values{0x8f7e74efp0, 0x2a7d365ep0}), boost::test_tools::per_element());
  device->checksum(device.tensor(Dtype::fp32, {2}, {1, std::nextafter(2.0F, 3.0F)}), out);
  BOOST_TEST((device.read(out) != first));

  device->checksum(device.tensor(Dtype::bf16, {3}, {1, 2, -1}), out);  // not a whole word
  BOOST_TEST(device.read(out) == (Values{0xca2805cdp0, 0x1a9903dcp0}),
             boost::test_tools::per_element());

  Values more(16385);
  std::iota(more.begin(), more.end(), 0.0);
  device->checksum(device.tensor(Dtype::fp32, {16385}, more), out);
  BOOST_TEST(device.read(out) == (Values{0x9fcf3ec2p0, 0x1c08fa7fp0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tensors_differ_if_any_bit_does_wherever_it_is) {
  Device device;
  const auto flag = device.output(Dtype::fp32, {1});
  const auto differ = [&](Dtype dtype, const Values& a, const Values& b) {
    const Shape shape{static_cast<std::int64_t>(a.size())};
    device->differ(device.tensor(dtype, shape, a), device.tensor(dtype, shape, b), flag);
    return device.read(flag)[0];
  };
  BOOST_TEST(differ(Dtype::int64, {5, 7, -9}, {5, 7, -9}) == 0);
  BOOST_TEST(differ(Dtype::int64, {5, 7, -9}, {5, 7, 9}) == 1);
  BOOST_TEST(differ(Dtype::int64, {5, 7}, {7, 5}) == 1);
  BOOST_TEST(differ(Dtype::int64, {}, {}) == 0);
  BOOST_TEST(differ(Dtype::fp32, {NAN, 1}, {NAN, 1}) == 0);
  BOOST_TEST(differ(Dtype::fp32, {0.0}, {-0.0}) == 1);
}

// ---- Tables, tokens, embedding -----------------------------------------------------------------

BOOST_AUTO_TEST_CASE(rotary_tables_are_cosines_of_fp64_angles_rounded_once) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto cos = device.output(dtype, {100, 3});
    const auto sin = device.output(dtype, {100, 3});

    device->rotary_table(cos, sin, {.theta = 10000});

    const Values c = device.read(cos);
    const Values s = device.read(sin);
    BOOST_TEST(c[0] == 1.0);
    BOOST_TEST(s[0] == 0.0);
    for (int t = 0; t < 100; ++t)
      for (int i = 0; i < 3; ++i) {
        // hd = 6. The naive angle may be off by a few units of fp64.
        const double angle = t / std::pow(10000.0, 2.0 * i / 6.0);
        const auto at = static_cast<std::size_t>(t * 3 + i);
        BOOST_TEST(std::fabs(c[at] - std::cos(angle)) <= ulp(dtype, std::cos(angle)) / 2 + 1e-13);
        BOOST_TEST(std::fabs(s[at] - std::sin(angle)) <= ulp(dtype, std::sin(angle)) / 2 + 1e-13);
      }
  }
}

BOOST_AUTO_TEST_CASE(labels_are_the_next_tokens_and_the_last_is_ignored) {
  Device device;
  const auto labels = device.output(Dtype::int64, {2, 3});

  device->shift_labels(device.tensor(Dtype::int64, {2, 3}, {1, 2, 3, 4, 5, 6}), labels);

  BOOST_TEST(device.read(labels) == (Values{2, 3, -100, 5, 6, -100}),
             boost::test_tools::per_element());
  device->shift_labels(device.tensor(Dtype::int64, {2, 3}, {5, 2, 5, 4, 5, 6}), labels, 5);
  BOOST_TEST(device.read(labels) == (Values{2, -100, -100, -100, 6, -100}),
             boost::test_tools::per_element());
  const auto one = device.output(Dtype::int64, {1, 1});
  device->shift_labels(device.tensor(Dtype::int64, {1, 1}, {9}), one);
  BOOST_TEST(device.read(one)[0] == -100);
}

BOOST_AUTO_TEST_CASE(embedding_copies_rows_and_its_gradient_adds_them) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto weight = device.tensor(dtype, {3, 2}, {1, 2, 3, 4, 5, 6});
    const auto tokens = device.tensor(Dtype::int64, {1, 4}, {2, 0, 2, 2});
    const auto y = device.output(dtype, {1, 4, 2});
    device->embedding(weight, tokens, y);
    BOOST_TEST(device.read(y) == (Values{5, 6, 1, 2, 5, 6, 5, 6}),
               boost::test_tools::per_element());

    const auto dweight = device.output(dtype, {3, 2});
    const auto dy = device.tensor(dtype, {1, 4, 2}, {1, 2, 10, 20, 3, 4, 5, 6});
    device->embedding_backward(dy, tokens, dweight);
    BOOST_TEST(device.read(dweight) == (Values{10, 20, 0, 0, 9, 12}),
               boost::test_tools::per_element());
    device->embedding_backward(dy, tokens, dweight, 2);  // a padding row, and what was there before
    BOOST_TEST(device.read(dweight) == (Values{10, 20, 0, 0, 0, 0}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(embedding_gradients_are_summed_in_the_compute_dtype) {
  Device device;
  // 256 + 1 is a tie in bf16: rounding at each addition would lose both ones.
  const auto tokens = device.tensor(Dtype::int64, {1, 3}, {0, 0, 0});
  const auto dweight = device.output(Dtype::bf16, {1, 1});
  device->embedding_backward(device.tensor(Dtype::bf16, {1, 3, 1}, {256, 1, 1}), tokens, dweight);
  BOOST_TEST(device.read(dweight)[0] == 258.0);
}

// ---- Products ----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(matmul_and_its_gradients_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {1, 2, 3}, {1, 2, 3, 4, 5, 6});
    const auto weight = device.tensor(dtype, {2, 3}, {1, 0, -1, 2, 1, 0});
    const auto y = device.output(dtype, {1, 2, 2});
    device->matmul(x, weight, y);
    BOOST_TEST(device.read(y) == (Values{-2, 4, -2, 13}), boost::test_tools::per_element());

    const auto dy = device.tensor(dtype, {1, 2, 2}, {1, 2, 3, 4});
    const auto dx = device.output(dtype, {1, 2, 3});
    device->matmul_backward_input(dy, weight, dx);
    BOOST_TEST(device.read(dx) == (Values{5, 2, -1, 11, 4, -3}), boost::test_tools::per_element());

    const auto dweight = device.output(dtype, {2, 3});
    device->matmul_backward_weight(dy, x, dweight);
    BOOST_TEST(device.read(dweight) == (Values{13, 17, 21, 18, 24, 30}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(products_over_nothing_are_zero_and_products_of_no_rows_are_nothing) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto y = device.output(dtype, {2, 3});
    device->matmul(device.tensor(dtype, {2, 0}, {}), device.tensor(dtype, {3, 0}, {}), y);
    BOOST_TEST(device.read(y) == Values(6, 0), boost::test_tools::per_element());

    const auto dweight = device.output(dtype, {3, 2});
    device->matmul_backward_weight(device.tensor(dtype, {0, 3}, {}),
                                   device.tensor(dtype, {0, 2}, {}), dweight);
    BOOST_TEST(device.read(dweight) == Values(6, 0), boost::test_tools::per_element());

    const auto none = device.output(dtype, {0, 3});
    device->matmul(device.tensor(dtype, {0, 2}, {}), device.tensor(dtype, {3, 2}, Values(6, 1)),
                   none);
  }
}

BOOST_AUTO_TEST_CASE(products_of_many_shapes_stay_within_the_bound_of_sums_in_any_order) {
  std::uint64_t seed = 0;
  for (const Dtype dtype : float_dtypes)
    for (const auto& [M, I, O] : {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 1, 1},
                                  {1, 300, 7},
                                  {33, 17, 65},
                                  {64, 128, 48}}) {
      Device device;
      const Values x = random_values(dtype, {M, I}, ++seed);
      const Values w = random_values(dtype, {O, I}, ++seed);
      const Values dy = random_values(dtype, {M, O}, ++seed);
      const auto tx = device.tensor(dtype, {M, I}, x);
      const auto tw = device.tensor(dtype, {O, I}, w);
      const auto tdy = device.tensor(dtype, {M, O}, dy);
      const auto y = device.output(dtype, {M, O});
      const auto dx = device.output(dtype, {M, I});
      const auto dw = device.output(dtype, {O, I});

      device->matmul(tx, tw, y);
      device->matmul_backward_input(tdy, tw, dx);
      device->matmul_backward_weight(tdy, tx, dw);

      const std::int64_t inner = I;
      const std::int64_t outer = O;
      const auto of = [](const Values& values, std::int64_t columns) {
        return [&values, columns](auto r, auto c) { return at(values, r * columns + c); };
      };
      const auto transposed = [](auto matrix) {
        return [matrix](auto r, auto c) { return matrix(c, r); };
      };
      expect_within(device.read(y), naive_product(M, O, I, of(x, inner), transposed(of(w, inner))),
                    dtype, static_cast<double>(I), "matmul");
      expect_within(device.read(dx), naive_product(M, I, O, of(dy, outer), of(w, inner)), dtype,
                    static_cast<double>(O), "matmul_backward_input");
      expect_within(device.read(dw),
                    naive_product(O, I, M, transposed(of(dy, outer)), of(x, inner)), dtype,
                    static_cast<double>(M), "matmul_backward_weight");
    }
}

// ---- Element by element: one rounding, or the documented ones ---------------------------------

BOOST_AUTO_TEST_CASE(single_operations_are_correctly_rounded) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const Shape shape = {2, 500};
    const Values a = random_values(dtype, shape, 11);
    const Values b = random_values(dtype, shape, 12);
    const Values bias = random_values(dtype, {500}, 13);
    const auto ta = device.tensor(dtype, shape, a);
    const auto tb = device.tensor(dtype, shape, b);
    const auto y = device.output(dtype, shape);
    const double factor = 1.0 / 3.0;
    const double in_compute = round_to(compute_of(dtype), factor);
    Values sum, with_bias, scaled, divided, negated;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum.push_back(a[i] + b[i]);
      with_bias.push_back(a[i] + bias[i % 500]);
      // In fp64 the product of two fp32 numbers is exact; both are in fp64 for dtype fp64.
      scaled.push_back(round_to(compute_of(dtype), a[i] * in_compute));
      divided.push_back(round_to(compute_of(dtype), a[i] / 3.0));
      negated.push_back(-a[i]);
    }
    const auto each = boost::test_tools::per_element();

    device->add(ta, tb, y);
    BOOST_TEST(device.read(y) == rounded(dtype, sum), each);
    device->add_bias(ta, device.tensor(dtype, {500}, bias), y);
    BOOST_TEST(device.read(y) == rounded(dtype, with_bias), each);
    device->scale(ta, y, factor);
    BOOST_TEST(device.read(y) == rounded(dtype, scaled), each);
    device->multiply(ta, device.tensor(compute_of(dtype), {1}, {factor}), y);
    BOOST_TEST(device.read(y) == rounded(dtype, scaled), each);
    device->divide(ta, y, 3.0);
    BOOST_TEST(device.read(y) == rounded(dtype, divided), each);
    device->negate(ta, y);
    BOOST_TEST(device.read(y) == negated, each);
  }
}

BOOST_AUTO_TEST_CASE(an_accumulator_may_be_wider_than_what_is_added_and_may_be_in_place) {
  Device device;
  const auto accumulator = device.tensor(Dtype::fp32, {3}, {256, 1, -1});
  device->add(accumulator, device.tensor(Dtype::bf16, {3}, {1, 0.5, 1}), accumulator);
  BOOST_TEST(device.read(accumulator) == (Values{257, 1.5, 0}), boost::test_tools::per_element());
  const auto half = device.tensor(Dtype::bf16, {3}, {256, 1, -1});
  device->add(half, half, half);
  BOOST_TEST(device.read(half) == (Values{512, 2, -2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bias_gradients_are_summed_over_all_rows) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto dbias = device.output(dtype, {2});
    device->bias_backward(device.tensor(dtype, {3, 1, 2}, {1, 2, 4, 8, 16, 32}), dbias);
    BOOST_TEST(device.read(dbias) == (Values{21, 42}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(rotary_turns_pairs_half_a_head_apart_and_back) {
  Device device;
  // One sequence, two tokens, two heads of four; the first token is turned by 90 degrees in its
  // first pair, the second token in its second.
  const auto cos = device.tensor(Dtype::fp32, {2, 2}, {0, 1, 1, 0});
  const auto sin = device.tensor(Dtype::fp32, {2, 2}, {1, 0, 0, 1});
  const Values values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const auto x = device.tensor(Dtype::fp32, {1, 2, 8}, values);
  const auto y = device.output(Dtype::fp32, {1, 2, 8});

  device->rotary(x, cos, sin, y, {}, false);
  BOOST_TEST(device.read(y) == (Values{-3, 2, 1, 4, -7, 6, 5, 8, 9, -12, 11, 10, 13, -16, 15, 14}),
             boost::test_tools::per_element());
  device->rotary(y, cos, sin, y, {}, true);
  BOOST_TEST(device.read(y) == values, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rotary_rounds_both_products_and_their_sum) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const Values x = random_values(dtype, {1, 1, 2}, 21);
    const double c = round_to(dtype, std::cos(1.0));
    const double s = round_to(dtype, std::sin(1.0));
    const auto y = device.output(dtype, {1, 1, 2});

    device->rotary(device.tensor(dtype, {1, 1, 2}, x), device.tensor(dtype, {1, 1}, {c}),
                   device.tensor(dtype, {1, 1}, {s}), y, {}, false);

    const auto rn = [&](double v) { return round_to(compute_of(dtype), v); };
    BOOST_TEST(device.read(y) == rounded(dtype, {rn(rn(x[0] * c) - rn(x[1] * s)),
                                                 rn(rn(x[1] * c) + rn(x[0] * s))}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(swiglu_and_its_gradients_stay_within_their_bounds) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const Shape shape = {7, 100};
    Values gate = random_values(dtype, shape, 31);
    gate[0] = 0;
    gate[1] = -120;                         // exp(120) overflows fp32: the sigmoid is then 0
    gate[2] = round_to(dtype, -1.2784645);  // where the derivative vanishes
    gate[3] = 40;
    const Values up = random_values(dtype, shape, 32);
    const Values dy = random_values(dtype, shape, 33);
    const auto tg = device.tensor(dtype, shape, gate);
    const auto tu = device.tensor(dtype, shape, up);
    const auto y = device.output(dtype, shape);
    const auto dgate = device.output(dtype, shape);
    const auto dup = device.output(dtype, shape);

    device->swiglu(tg, tu, y);
    device->swiglu_backward(device.tensor(dtype, shape, dy), tg, tu, dgate, dup);

    Naive f(700), dg(700), du(700);
    for (std::int64_t i = 0; i < 700; ++i) {
      const double g = at(gate, i);
      const double sigma = 1 / (1 + std::exp(-g));
      const double tiny = 0x1p-100;  // sigma is lost below 2^-127 in fp32
      f.add(i, g * sigma * at(up, i), std::fabs(g * sigma * at(up, i)) + tiny);
      du.add(i, at(dy, i) * g * sigma, std::fabs(at(dy, i) * g * sigma) + tiny);
      const double dh = at(dy, i) * at(up, i);
      dg.add(i, dh * (sigma + g * sigma * (1 - sigma)),
             std::fabs(dh) * sigma * (1 + std::fabs(g)) + tiny);
    }
    expect_within(device.read(y), f, dtype, 6, "swiglu");
    expect_within(device.read(dup), du, dtype, 6, "swiglu_backward up");
    expect_within(device.read(dgate), dg, dtype, 10, "swiglu_backward gate");
  }
}

// ---- Norm --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(rms_norm_by_hand) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    // mean(x^2) = (36 + 64) / 4 = 25, and with eps 24 the root is 7.
    const auto x = device.tensor(dtype, {1, 4}, {6, 0, -8, 0});
    const auto weight = device.tensor(dtype, {4}, {5, 1, 5, 1});
    const auto y = device.output(dtype, {1, 4});
    device->rms_norm(x, weight, y, 0.0);
    BOOST_TEST(device.read(y)[0] == 6.0, boost::test_tools::tolerance(4 * unit_roundoff(dtype)));
    BOOST_TEST(device.read(y)[2] == -8.0, boost::test_tools::tolerance(4 * unit_roundoff(dtype)));
    device->rms_norm(x, weight, y, 24.0);
    BOOST_TEST(device.read(y)[0] == 30.0 / 7,
               boost::test_tools::tolerance(4 * unit_roundoff(dtype)));
  }
}

BOOST_AUTO_TEST_CASE(rms_norm_and_its_gradients_stay_within_their_bounds) {
  std::uint64_t seed = 40;
  for (const Dtype dtype : float_dtypes)
    for (const auto& [rows, H] :
         {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 64}, {9, 33}, {5, 256}}) {
      Device device;
      const double eps = 1e-5;
      const Shape shape = {rows, H};
      const Values x = random_values(dtype, shape, ++seed);
      const Values w = random_values(dtype, {H}, ++seed);
      const Values dy = random_values(dtype, shape, ++seed);
      const auto tx = device.tensor(dtype, shape, x);
      const auto tw = device.tensor(dtype, {H}, w);
      const auto tdy = device.tensor(dtype, shape, dy);
      const auto y = device.output(dtype, shape);
      const auto dx = device.output(dtype, shape);
      const auto dw = device.output(dtype, {H});

      device->rms_norm(tx, tw, y, eps);
      device->rms_norm_backward_input(tdy, tx, tw, dx, eps);
      device->rms_norm_backward_weight(tdy, tx, dw, eps);

      const double rho = (static_cast<double>(H) + 5) / 2 + 2;  // of the reciprocal root, in u
      expect_within(device.read(y), naive_rms_norm(rows, H, x, w, eps), dtype, rho + 2, "rms_norm");
      expect_within(device.read(dx), naive_rms_norm_backward_input(rows, H, dy, x, w, eps), dtype,
                    static_cast<double>(H) + 9 + 3 * rho, "rms_norm_backward_input");
      expect_within(device.read(dw), naive_rms_norm_backward_weight(rows, H, dy, x, eps), dtype,
                    static_cast<double>(rows) + 1 + rho, "rms_norm_backward_weight");
    }
}

// ---- Attention ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(attention_by_hand_is_causal_and_shares_heads) {
  Device device;
  // hd = 1, so scale = 1; two query heads on one key head. The scores of the second token are
  // (0, 0) for head 0 and (0, ln 3) for head 1.
  const double ln3 = std::log(3.0);
  const auto q = device.tensor(Dtype::fp64, {1, 2, 2}, {7, 7, 0, ln3});
  const auto k = device.tensor(Dtype::fp64, {1, 2, 1}, {0, 1});
  const auto v = device.tensor(Dtype::fp64, {1, 2, 1}, {4, 8});
  const auto o = device.output(Dtype::fp64, {1, 2, 2});
  const auto lse = device.output(Dtype::fp64, {1, 2, 2});

  device->attention(q, k, v, nullptr, o, lse, {.head_dim = 1});

  const auto close = boost::test_tools::tolerance(1e-14);
  const Values got = device.read(o);
  BOOST_TEST(got[0] == 4.0, close);  // the first token sees itself only
  BOOST_TEST(got[1] == 4.0, close);
  BOOST_TEST(got[2] == 6.0, close);  // 1/2, 1/2
  BOOST_TEST(got[3] == 7.0, close);  // 1/4, 3/4
  const Values logs = device.read(lse);
  BOOST_TEST(logs[0] == 0.0);
  BOOST_TEST(logs[1] == std::log(2.0), close);
  BOOST_TEST(logs[3] == std::log(4.0), close);
}

BOOST_AUTO_TEST_CASE(attention_and_its_gradients_stay_within_their_bounds) {
  std::uint64_t seed = 60;
  struct Extents {
    std::int64_t B, T, h, hk, hd;
  };
  for (const Dtype dtype : float_dtypes)
    for (const auto& [B, T, h, hk, hd] :
         {Extents{1, 1, 1, 1, 2}, {1, 5, 1, 1, 4}, {2, 7, 4, 2, 6}, {1, 33, 6, 2, 8}}) {
      Device device;
      const Shape q_shape = {B, T, h * hd};
      const Shape k_shape = {B, T, hk * hd};
      const Values q = random_values(dtype, q_shape, ++seed);
      const Values k = random_values(dtype, k_shape, ++seed);
      const Values v = random_values(dtype, k_shape, ++seed);
      const Values dout = random_values(dtype, q_shape, ++seed);
      const NaiveAttention naive{B, T, h, hk, hd, q, k, v};
      const auto tq = device.tensor(dtype, q_shape, q);
      const auto tk = device.tensor(dtype, k_shape, k);
      const auto tv = device.tensor(dtype, k_shape, v);
      const auto o = device.output(dtype, q_shape);
      const auto lse = device.output(compute_of(dtype), {B, h, T});
      const auto dq = device.output(dtype, q_shape);
      const auto dk = device.output(dtype, k_shape);
      const auto dv = device.output(dtype, k_shape);

      device->attention(tq, tk, tv, nullptr, o, lse, {.head_dim = hd});
      // The backward takes o as it is recorded; here the exact one in the compute dtype, so that
      // its rounding to bf16 is no part of the bound.
      const auto exact_o = device.tensor(compute_of(dtype), q_shape, naive.output().value);
      device->attention_backward(device.tensor(dtype, q_shape, dout), tq, tk, tv, exact_o, lse,
                                 nullptr, dq, dk, dv, {.head_dim = hd});

      // Scores are below 4 sqrt(hd): an error of (hd + 3) u in them is that large in exp(s).
      const auto n = static_cast<double>(T);
      const auto d = static_cast<double>(hd);
      const double tau = 2 * (4 * std::sqrt(d) * (d + 6) + n + 8);
      expect_within(device.read(o), naive.output(), dtype, tau + n, "attention");
      const auto [naive_dq, naive_dk, naive_dv] = naive.backward(dout);
      const double sums = tau + n * static_cast<double>(h / hk) + 4 * d;
      expect_within(device.read(dv), naive_dv, dtype, sums, "attention_backward v");
      expect_within(device.read(dq), naive_dq, dtype, sums, "attention_backward q");
      expect_within(device.read(dk), naive_dk, dtype, sums, "attention_backward k");
      const Values logs = device.read(lse);
      for (std::int64_t b = 0; b < B; ++b)
        for (std::int64_t head = 0; head < h; ++head)
          for (std::int64_t t = 0; t < T; ++t)
            BOOST_TEST(std::fabs(at(logs, (b * h + head) * T + t) - naive.lse(b, head, t)) <=
                       tau * (unit_roundoff(compute_of(dtype)) + 0x1p-50));
    }
}

BOOST_AUTO_TEST_CASE(attention_survives_scores_that_overflow_exp) {
  Device device;
  const auto q = device.tensor(Dtype::fp32, {1, 2, 1}, {1, 1});
  const auto k = device.tensor(Dtype::fp32, {1, 2, 1}, {-500, 500});
  const auto v = device.tensor(Dtype::fp32, {1, 2, 1}, {3, 5});
  const auto o = device.output(Dtype::fp32, {1, 2, 1});
  const auto lse = device.output(Dtype::fp32, {1, 1, 2});

  device->attention(q, k, v, nullptr, o, lse, {.head_dim = 1});

  BOOST_TEST(device.read(o) == (Values{3, 5}), boost::test_tools::per_element());
  BOOST_TEST(device.read(lse) == (Values{-500, 500}), boost::test_tools::per_element());
}

// ---- Loss --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(cross_entropy_by_hand_averages_over_labels_that_count) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    // Equal logits: each of the four is 1/4 likely, the loss is ln 4, whatever their common value.
    const auto logits =
        device.tensor(dtype, {1, 3, 4}, {2, 2, 2, 2, 500, 500, 500, 500, 1, 2, 3, 4});
    const auto labels = device.tensor(Dtype::int64, {1, 3}, {0, 3, -100});
    const auto loss = device.output(compute_of(dtype), {1});
    const auto dlogits = device.output(dtype, {1, 3, 4});
    device->cross_entropy(logits, labels, loss);
    device->cross_entropy_backward(logits, labels, nullptr, dlogits, 8.0);

    BOOST_TEST(device.read(loss)[0] == std::log(4.0), boost::test_tools::tolerance(1e-4));
    BOOST_TEST(device.read(dlogits) == (Values{-3, 1, 1, 1, 1, 1, 1, -3, 0, 0, 0, 0}),
               boost::test_tools::per_element());
    // Scaled by 2^-15, and 2^15 too large: the scale comes before the one rounding to the storage.
    const auto scale = device.tensor(compute_of(dtype), {1}, {0x1p-15});
    device->cross_entropy_backward(logits, labels, &scale, dlogits, 0x1p18);
    BOOST_TEST(device.read(dlogits) == (Values{-3, 1, 1, 1, 1, 1, 1, -3, 0, 0, 0, 0}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(cross_entropy_and_its_gradient_stay_within_their_bounds) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    constexpr std::int64_t rows = 6;
    constexpr std::int64_t V = 50;
    const Values z = random_values(dtype, {rows, V}, 81);
    const Values labels = {3, -100, 49, 0, 17, 3};
    const auto logits = device.tensor(dtype, {2, 3, V}, z);
    const auto tlabels = device.tensor(Dtype::int64, {2, 3}, labels);
    const auto loss = device.output(compute_of(dtype), {1});
    const auto dlogits = device.output(dtype, {2, 3, V});
    const double grad_scale = 0.3;

    device->cross_entropy(logits, tlabels, loss);
    device->cross_entropy_backward(logits, tlabels, nullptr, dlogits, grad_scale);

    Naive mean(1);
    Naive dz(rows * V);
    for (std::int64_t r = 0; r < rows; ++r) {
      if (at(labels, r) < 0) continue;
      double sum = 0;
      for (std::int64_t j = 0; j < V; ++j) sum += std::exp(at(z, r * V + j));
      const auto label = static_cast<std::int64_t>(at(labels, r));
      mean.add(0, (std::log(sum) - at(z, r * V + label)) / 5);
      for (std::int64_t j = 0; j < V; ++j) {
        const double p = std::exp(at(z, r * V + j)) / sum;
        dz.add(r * V + j, grad_scale / 5 * (p - (j == label ? 1 : 0)));
      }
    }
    expect_within(device.read(loss), mean, compute_of(dtype), V + 20, "cross_entropy");
    expect_within(device.read(dlogits), dz, dtype, V + 20, "cross_entropy_backward");
  }
}

BOOST_AUTO_TEST_CASE(squared_error_by_hand_is_half_the_mean_of_the_squared_distances) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto logits = device.tensor(dtype, {1, 3, 3}, {2, 0, -1, 0, 0, 1, 5, 6, 7});
    const auto labels = device.tensor(Dtype::int64, {1, 3}, {0, 1, -100});
    const auto loss = device.output(compute_of(dtype), {1});
    const auto dlogits = device.output(dtype, {1, 3, 3});
    device->squared_error(logits, labels, loss);
    device->squared_error_backward(logits, labels, nullptr, dlogits, 8.0);

    // (1 + 0 + 1) + (0 + 1 + 1), over two rows, halved.
    BOOST_TEST(device.read(loss)[0] == 1.0);
    BOOST_TEST(device.read(dlogits) == (Values{4, 0, -4, 0, -4, 4, 0, 0, 0}),
               boost::test_tools::per_element());
    const auto scale = device.tensor(compute_of(dtype), {1}, {0x1p-15});
    device->squared_error_backward(logits, labels, &scale, dlogits, 0x1p18);
    BOOST_TEST(device.read(dlogits) == (Values{4, 0, -4, 0, -4, 4, 0, 0, 0}),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(squared_error_and_its_gradient_stay_within_their_bounds) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    constexpr std::int64_t rows = 6, V = 50;
    const Values z = random_values(dtype, {rows, V}, 82);
    const Values labels = {3, -100, 49, 0, 17, 3};
    const auto logits = device.tensor(dtype, {2, 3, V}, z);
    const auto tlabels = device.tensor(Dtype::int64, {2, 3}, labels);
    const auto loss = device.output(compute_of(dtype), {1});
    const auto dlogits = device.output(dtype, {2, 3, V});

    device->squared_error(logits, tlabels, loss);
    device->squared_error_backward(logits, tlabels, nullptr, dlogits, 0.3);

    Naive mean(1), dz(rows * V);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t j = 0; j < V && at(labels, r) >= 0; ++j) {
        const double off = at(z, r * V + j) - (static_cast<double>(j) == at(labels, r) ? 1 : 0);
        mean.add(0, off * off / 2 / 5);
        dz.add(r * V + j, 0.3 / 5 * off);
      }
    expect_within(device.read(loss), mean, compute_of(dtype), rows * V + 20, "squared_error");
    expect_within(device.read(dlogits), dz, dtype, 20, "squared_error_backward");
  }
}

// ---- Gradients and optimizer -------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(nonfinite_is_one_for_inf_or_nan_anywhere) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto flag = device.output(Dtype::fp32, {1});
    for (const auto& [values, expected] :
         {std::pair{Values{1, 2, 0x1p15}, 0.0}, std::pair{Values{1, 2, NAN}, 1.0},
          std::pair{Values{-INFINITY, 2, 3}, 1.0}}) {
      device->nonfinite(std::vector{device.tensor(dtype, {3}, values)}, flag);
      BOOST_TEST(device.read(flag)[0] == expected);
    }
    const auto empty = device.tensor(dtype, {0}, {}),
               infinite = device.tensor(dtype, {1}, {INFINITY});
    device->nonfinite(std::vector{empty}, flag);
    BOOST_TEST(device.read(flag)[0] == 0.0);
    device->nonfinite(std::vector{empty, infinite, device.tensor(dtype, {1}, {1})}, flag);
    BOOST_TEST(device.read(flag)[0] == 1.0);
  }
}

BOOST_AUTO_TEST_CASE(squares_are_summed_in_fp64_over_the_ranges_alone) {
  for (const Dtype dtype : float_dtypes) {
    Device device;
    const auto x = device.tensor(dtype, {6}, {1, 2, 4, 8, 16, 32});
    const auto total = device.output(Dtype::fp64, {1});
    const tests::Kernels::Ranges first{x, {{0, 2}, {3, 3}, {4, 6}}}, second{x, {{1, 2}}};
    device->sum_of_squares(std::vector{first}, total);
    BOOST_TEST(device.read(total)[0] == 1 + 4 + 256 + 1024);
    device->sum_of_squares(std::vector{first, second}, total);
    BOOST_TEST(device.read(total)[0] == 1 + 4 + 256 + 1024 + 4);
    device->sum_of_squares({}, total);
    BOOST_TEST(device.read(total)[0] == 0.0);
  }
  Device device;
  const auto total = device.output(Dtype::fp64, {1});
  const double x = 1 + 0x1p-23;  // its square has 47 digits: fp32 would lose half of them
  const tests::Kernels::Ranges all{device.tensor(Dtype::fp32, {2}, {x, 0x1p-3}), {{0, 2}}};
  device->sum_of_squares(std::vector{all}, total);
  BOOST_TEST(device.read(total)[0] == x * x + 0x1p-6);
}

BOOST_AUTO_TEST_CASE(roots_and_clip_factors_are_computed_in_fp64_and_rounded_once) {
  Device device;
  const auto norm = device.output(Dtype::fp32, {1});
  device->square_root(device.tensor(Dtype::fp64, {1}, {2.0}), nullptr, norm);
  BOOST_TEST(device.read(norm)[0] == round_to(Dtype::fp32, std::sqrt(2.0)));
  const auto norm64 = device.output(Dtype::fp64, {1});
  device->square_root(device.tensor(Dtype::fp64, {1}, {2 + 0x1p-50}), nullptr, norm64);
  BOOST_TEST(device.read(norm64)[0] == std::sqrt(2 + 0x1p-50));
  const auto scale = device.tensor(Dtype::fp32, {1}, {3.0});
  device->square_root(device.tensor(Dtype::fp64, {1}, {2.0}), &scale, norm);
  BOOST_TEST(device.read(norm)[0] == round_to(Dtype::fp32, std::sqrt(2.0) / 3.0));

  const auto factor = device.output(Dtype::fp32, {1});
  device->clip_factor(device.tensor(Dtype::fp32, {1}, {3.0}), nullptr, factor, 2.0);
  BOOST_TEST(device.read(factor)[0] == round_to(Dtype::fp32, 1.0 / ((3.0 + 1e-6) / 2.0)));
  device->clip_factor(device.tensor(Dtype::fp32, {1}, {1.9}), nullptr, factor, 2.0);
  BOOST_TEST(device.read(factor)[0] == 1.0);
  device->clip_factor(device.tensor(Dtype::fp32, {1}, {NAN}), nullptr, factor, 2.0);
  BOOST_TEST(std::isnan(device.read(factor)[0]));
  device->clip_factor(device.tensor(Dtype::fp32, {1}, {3.0}), &scale, factor, 2.0);
  BOOST_TEST(device.read(factor)[0] == round_to(Dtype::fp32, 1.0 / ((3.0 + 1e-6) / 2.0 * 3.0)));
  device->clip_factor(device.tensor(Dtype::fp32, {1}, {5.0}), &scale, factor, 0.0);
  BOOST_TEST(device.read(factor)[0] == round_to(Dtype::fp32, 1.0 / 3.0));
}

/// The documented forms, operation by operation in round_to.
BOOST_AUTO_TEST_CASE(moments_and_adamw_round_as_documented_bit_by_bit) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32}) {
    Device device;
    const Shape shape = {1000};
    const auto rn = [dtype](double value) { return round_to(dtype, value); };
    Values p = random_values(dtype, shape, 91);
    for (double& value : p)
      value *= 0x1p-20;  // small beside the step, so that the step's bits show
    const Values m = random_values(dtype, shape, 92);
    const Values g = random_values(dtype, shape, 93);
    Values v = random_values(dtype, shape, 94);
    for (double& value : v) value = std::fabs(value);
    const double b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0.01;
    const double lr = rn(0.3), c1 = rn(1 - b1 * b1), c2 = rn(1 - b2 * b2);
    const auto tm = device.tensor(dtype, shape, m);
    const auto tv = device.tensor(dtype, shape, v);
    const auto tg = device.tensor(dtype, shape, g);
    const auto tp = device.tensor(dtype, shape, p);
    const auto scalar = [&](double value) { return device.tensor(dtype, {1}, {value}); };
    const auto m_out = device.output(dtype, shape);
    const auto v_out = device.output(dtype, shape);

    device->exp_avg(tm, tg, m_out, b1);
    device->exp_avg_sq(tv, tg, v_out, b2);
    device->adamw(tp, tm, tv, scalar(lr), scalar(c1), scalar(c2), tp, eps, decay);

    Values m_expected, v_expected, p_expected;
    for (std::size_t i = 0; i < p.size(); ++i) {
      m_expected.push_back(rn(rn(rn(b1) * m[i]) + rn(rn(1 - b1) * g[i])));
      v_expected.push_back(rn(rn(rn(b2) * v[i]) + rn(rn(rn(1 - b2) * g[i]) * g[i])));
      const double root = rn(std::sqrt(rn(v[i] / c2)));
      const double update = rn(rn(m[i] / c1) / rn(root + rn(eps)));
      p_expected.push_back(rn(p[i] - rn(lr * rn(update + rn(rn(decay) * p[i])))));
    }
    BOOST_TEST(device.read(m_out) == m_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(v_out) == v_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(tp) == p_expected, boost::test_tools::per_element());  // in place
  }
}

/// Its fused multiply-adds too, in the type that it computes in.
BOOST_AUTO_TEST_CASE(torchs_form_rounds_as_documented_bit_by_bit) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32}) {
    Device device;
    const Shape shape = {1001};
    const auto rn = [dtype](double value) { return round_to(dtype, value); };
    const auto fma = [dtype](double a, double b, double c) -> double {
      if (dtype == Dtype::fp64) return std::fma(a, b, c);
      return std::fma(static_cast<float>(a), static_cast<float>(b), static_cast<float>(c));
    };
    Values p = random_values(dtype, shape, 191);
    for (double& value : p) value *= 0x1p-10;
    const Values m = random_values(dtype, shape, 192);
    const Values g = random_values(dtype, shape, 193);
    Values v = random_values(dtype, shape, 194);
    for (double& value : v) value = std::fabs(value);
    const double b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0.1;
    const double lr = 0.3, c1 = 1 - b1 * b1, root = std::sqrt(1 - b2 * b2);
    const auto tm = device.tensor(dtype, shape, m);
    const auto tv = device.tensor(dtype, shape, v);
    const auto tg = device.tensor(dtype, shape, g);
    const auto tp = device.tensor(dtype, shape, p);
    const auto scalar = [&](double value) { return device.tensor(Dtype::fp64, {1}, {value}); };
    const auto m_out = device.output(dtype, shape);
    const auto long_way = device.output(dtype, shape);
    const auto v_out = device.output(dtype, shape);
    const auto decayed = device.output(dtype, shape);

    device->torch_exp_avg(tm, tg, m_out, b1);
    device->torch_exp_avg(tm, tg, long_way, 0.3);
    device->torch_exp_avg_sq(tv, tg, v_out, b2);
    device->torch_decay(tg, tp, decayed, decay);
    device->torch_adamw(tp, tm, tv, scalar(lr), scalar(c1), scalar(root), tp, eps, decay);

    Values m_expected, long_expected, v_expected, decayed_expected, p_expected;
    for (std::size_t i = 0; i < p.size(); ++i) {
      m_expected.push_back(fma(rn(1 - b1), rn(g[i] - m[i]), m[i]));
      long_expected.push_back(fma(rn(rn(1 - 0.3) - 1), rn(g[i] - m[i]), g[i]));
      v_expected.push_back(fma(rn(rn(1 - b2) * g[i]), g[i], rn(rn(b2) * v[i])));
      decayed_expected.push_back(fma(rn(decay), p[i], g[i]));
      const double denominator = rn(rn(rn(std::sqrt(v[i])) / rn(root)) + rn(eps));
      const double step = rn(rn(rn(-(lr / c1)) * m[i]) / denominator);
      p_expected.push_back(rn(rn(p[i] * rn(1 - lr * decay)) + step));
    }
    BOOST_TEST(device.read(m_out) == m_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(long_way) == long_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(v_out) == v_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(decayed) == decayed_expected, boost::test_tools::per_element());
    BOOST_TEST(device.read(tp) == p_expected, boost::test_tools::per_element());  // in place
  }
}

BOOST_AUTO_TEST_CASE(scaled_sums_and_sgd_round_as_documented_bit_by_bit) {
  for (const Dtype dtype : {Dtype::fp64, Dtype::fp32}) {
    Device device;
    const Shape shape = {1000};
    const auto rn = [dtype](double value) { return round_to(dtype, value); };
    const Values a = random_values(dtype, shape, 95);
    const Values b = random_values(dtype, shape, 96);
    const double lr = rn(0.3);
    const auto ta = device.tensor(dtype, shape, a);
    const auto tb = device.tensor(dtype, shape, b);
    const auto sum = device.output(dtype, shape);

    device->add_scaled(ta, tb, sum, 0.9);
    device->sgd(ta, tb, device.tensor(dtype, {1}, {lr}), ta);
    device->add_scaled(tb, sum, sum, 0.9);

    Values expected, stepped, twice;
    for (std::size_t i = 0; i < a.size(); ++i) {
      expected.push_back(rn(a[i] + rn(rn(0.9) * b[i])));
      stepped.push_back(rn(a[i] - rn(lr * b[i])));
      twice.push_back(rn(b[i] + rn(rn(0.9) * expected[i])));
    }
    BOOST_TEST(device.read(ta) == stepped, boost::test_tools::per_element());  // in place
    BOOST_TEST(device.read(sum) == twice, boost::test_tools::per_element());   // in the second's
  }
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_refused) {
  Device device;
  const auto x = device.tensor(Dtype::fp32, {2, 3}, Values(6, 1));
  const auto y = device.output(Dtype::fp32, {2, 2});
  BOOST_CHECK_THROW(device->add(x, x, y), InvariantError);
  BOOST_CHECK_THROW(device->matmul(x, device.tensor(Dtype::fp32, {2, 2}, Values(4, 1)), y),
                    InvariantError);
  BOOST_CHECK_THROW(device->copy(device.tensor(Dtype::bf16, {2, 2}, Values(4, 1)), y),
                    InvariantError);
  BOOST_CHECK_THROW(device->rms_norm(x, device.tensor(Dtype::fp32, {2}, {1, 1}), x, 0),
                    InvariantError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::contract
