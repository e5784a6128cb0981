#include "scenarios/exact/exact.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>

#include "scenarios/config/scenario_file.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/exact/grid.hpp"

namespace shardproof::tests {

using namespace exact;

namespace {

const std::string in_fp32 = "../scenarios/catalog/exact/exact-tp2-dp2-zero1-fp32.json";
const std::string in_bf16 = "../scenarios/catalog/exact/exact-tp2-dp2-zero2-bf16.json";

std::string refusal(const std::vector<std::string>& overrides, const std::string& file = in_fp32) {
  Scenario scenario = read_scenario(file, overrides);
  try {
    settle_on_exact_seed(scenario);
  } catch (const ScenarioError& error) {
    return error.what();
  }
  return "";
}

std::string problem_of(auto check) {
  try {
    check();
  } catch (const NotExact& found) {
    return found.what;
  }
  return "";
}

Grid row(std::vector<std::int64_t> values, int exponent = 0) {
  Grid grid(1, std::ssize(values), exponent);
  grid.values = std::move(values);
  return grid;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(exact_numbers)

BOOST_AUTO_TEST_CASE(a_grid_is_the_coarsest_that_has_all_numbers) {
  const Grid grid = grid_of({0.75, -2, 0}, 1, 3, "x");

  BOOST_TEST(grid.exponent == -2);
  BOOST_TEST(grid.values == (std::vector<std::int64_t>{3, -8, 0}));
  BOOST_TEST(bits_of(grid) == 2);  // 3; 8 is one bit, and three zeros
  BOOST_TEST(problem_of([] { grid_of({1, 0x1p-60}, 1, 2, "x"); }) == "x has no grid of 53 bits");
}

BOOST_AUTO_TEST_CASE(a_number_is_stored_exactly_up_to_the_precision_of_its_format_and_no_further) {
  BOOST_TEST(problem_of([] { expect_stored(row({255, 256 * 255}), Dtype::bf16, "x"); }) == "");
  BOOST_TEST(problem_of([] { expect_stored(row({257}), Dtype::bf16, "x"); }) ==
             "x needs 9 bits, bf16 has 8");
  BOOST_TEST(problem_of([] { expect_stored(row({(1 << 24) - 1}), Dtype::fp32, "x"); }) == "");
  BOOST_TEST(problem_of([] { expect_stored(row({(1 << 24) + 1}), Dtype::fp32, "x"); }) ==
             "x needs 25 bits, fp32 has 24");
  BOOST_TEST(problem_of([] { expect_stored(row({1}, -149), Dtype::fp32, "x"); }) == "");
  BOOST_TEST(problem_of([] { expect_stored(row({1}, -150), Dtype::fp32, "x"); }) ==
             "x leaves the range of fp32");
  BOOST_TEST(problem_of([] { expect_stored(row({1}, 127), Dtype::fp32, "x"); }) == "");
  BOOST_TEST(problem_of([] { expect_stored(row({1}, 128), Dtype::fp32, "x"); }) ==
             "x leaves the range of fp32");
}

// 128 + 128 and 128 - 1 + ... : the largest part of a sum counts, not where it ends.
BOOST_AUTO_TEST_CASE(a_sum_needs_what_its_magnitudes_add_up_to) {
  const Grid ones = row(std::vector<std::int64_t>(257, 1));
  std::vector<std::int64_t> signs(257, 1);
  for (std::size_t i = 0; i < signs.size(); i += 2) signs[i] = -1;
  const Sums cancels = times_transposed(row(signs), ones, "x");

  BOOST_TEST(cancels.value.at(0, 0) == -1);
  BOOST_TEST(cancels.largest_magnitude == 257);
  BOOST_TEST(problem_of([&] { expect_sums(cancels, {Dtype::bf16}, "x"); }) ==
             "x needs 9 bits, bf16 has 8");
  const Sums fits = times_transposed(row({128, -128}), row({1, 1}), "x");
  BOOST_TEST(problem_of([&] { expect_sums(fits, {Dtype::bf16, Dtype::fp32}, "x"); }) == "");
}

// What the proof says: in any order, fused or not, the accumulator holds every part of the sum.
BOOST_AUTO_TEST_CASE(what_fits_is_exact_in_every_order) {
  std::mt19937 random(5);
  std::uniform_int_distribution<std::int64_t> draw(-1800, 1800);
  int fitted = 0;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::int64_t> a(16), b(16);
    for (auto* values : {&a, &b})
      for (std::int64_t& value : *values) value = draw(random);
    const Sums sums = times_transposed(row(a, -7), row(b, 3), "x");
    if (!problem_of([&] { expect_sums(sums, {Dtype::fp32}, "x"); }).empty()) continue;
    ++fitted;
    std::vector<std::size_t> order(a.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (int i = 0; i < 20; ++i) {
      std::ranges::shuffle(order, random);
      float sum = 0;
      for (const std::size_t k : order)
        sum = static_cast<float>(a[k]) * 0x1p-7F * (static_cast<float>(b[k]) * 8) + sum;
      BOOST_TEST(sum == static_cast<float>(std::ldexp(sums.value.at(0, 0), -4)));
    }
  }
  BOOST_TEST(fitted > 20);
  BOOST_TEST(fitted < 200);
}

BOOST_AUTO_TEST_CASE(products_of_matrices_are_those_of_their_names) {
  Grid x(2, 2, 0), w(2, 2, 1);
  x.values = {1, 2, 3, 4};
  w.values = {5, 6, 7, 8};

  BOOST_TEST(times_transposed(x, w, "").value.values ==
             (std::vector<std::int64_t>{17, 23, 39, 53}));
  BOOST_TEST(times(x, w, "").value.values == (std::vector<std::int64_t>{19, 22, 43, 50}));
  BOOST_TEST(transposed_times(x, w, "").value.values ==
             (std::vector<std::int64_t>{26, 30, 38, 44}));
  BOOST_TEST(times(x, w, "").value.exponent == 1);
  BOOST_TEST(sum(w, x, "").values == (std::vector<std::int64_t>{11, 14, 17, 20}));
  BOOST_TEST(sum(x, row({1, -1}), "").values == (std::vector<std::int64_t>{2, 1, 4, 3}));
}

BOOST_AUTO_TEST_CASE(the_catalog_s_scenarios_are_exact) {
  for (const std::string& file : {in_fp32, in_bf16}) BOOST_TEST(refusal({}, file) == "", file);
}

BOOST_AUTO_TEST_CASE(a_refusal_says_where_it_was_asked_for) {
  BOOST_TEST(refusal({"data.sequence=16"}).starts_with(in_fp32 + ":16:12: exact: "),
             refusal({"data.sequence=16"}));
}

BOOST_AUTO_TEST_CASE(so_are_other_forms_of_them) {
  for (const char* way :
       {"model.config.relu=false", "precision=fp64", "steps=1", "model.config.num_hidden_layers=1",
        "deepspeed.zero_optimization.stage=2"})
    BOOST_TEST(refusal({way}) == "", way);
}

BOOST_AUTO_TEST_CASE(squares_of_all_gradients_are_added_on_one_grid) {
  BOOST_TEST(joined({row({1}, -2), row({3, -1}, 1)}, "x").values ==
             (std::vector<std::int64_t>{1, 24, -8}));
  BOOST_TEST(joined({row({1}, -2), row({3}, 1)}, "x").exponent == -2);
}

BOOST_AUTO_TEST_CASE(another_seed_is_taken_and_told_and_stays) {
  Scenario scenario = read_scenario(in_bf16, {"seed=0"});
  settle_on_exact_seed(scenario);
  const std::uint64_t settled = scenario.seed;

  BOOST_TEST(why_not_exact(scenario) == "");
  BOOST_TEST((settled == 0) == scenario.notices.empty());
  settle_on_exact_seed(scenario);
  BOOST_TEST(scenario.seed == settled);
}

BOOST_AUTO_TEST_CASE(what_rounds_is_refused_with_what_would_do) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"deepspeed.optimizer={\"type\": \"AdamW\", \"params\": {\"lr\": 0.25}}"},
       "expected SGD without momentum"},
      {{"deepspeed.optimizer.params.lr=0.3"}, "expected a constant power of two"},
      {{"deepspeed.optimizer.params.weight_decay=0.1"}, "expected weight_decay 0"},
      {{"deepspeed.gradient_clipping=1.0"}, "expected gradient_clipping 0"},
      {{"deepspeed.gradient_accumulation_steps=3"}, "expected powers of two"},
      {{"data.sequence=16"}, "a loss is a mean over 30 predicted tokens: expected a power of two"},
      {{"executions=[\"sim\"]"}, "expected it among executions"},
      {{"mode=inference"}, "expected mode training"},
      {{"model.config={\"model_type\": \"llama\", \"hidden_size\": 64, \"intermediate_size\": 64, "
        "\"num_attention_heads\": 4, \"num_hidden_layers\": 1, \"vocab_size\": 64}"},
       "expected model_type residual_mlp"},
      {{"deepspeed.bf16={\"enabled\": true}", "data.sequence=65"}, "bf16 has 8"},
      {{"model.config.hidden_size=2048", "model.config.intermediate_size=8192"}, "too many for it"},
  };
  for (const auto& [overrides, part] : cases)
    BOOST_TEST(refusal(overrides).find(part) != std::string::npos,
               overrides.front() << ": " << refusal(overrides));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
