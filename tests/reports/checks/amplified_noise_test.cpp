#include "reports/checks/amplified_noise.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "reports/checks/end_to_end.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

BOOST_AUTO_TEST_SUITE(noise_that_adam_amplifies)

BOOST_AUTO_TEST_CASE(only_what_cannot_be_told_from_zero_may_move_otherwise) {
  const OptimizerConfig optimizer{.epsilon = 1e-8};
  AmplifiedNoise noise(optimizer, 1e-14);
  const std::vector<double> got{3e-15, 0, 0, 3e-15, -2e-14};
  const std::vector<double> expected{0, -4e-15, 0, 2e-12, 3e-15};
  const AmplifiedNoise::Step step{
      .norm = 0.5, .learning_rate = 0.1, .got = got, .expected = expected};

  const double once = 2 * 0.1 * (0.5e-14 / 1e-8);
  BOOST_TEST(noise.after("p", step) == (std::vector<double>{once, once, 0, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(noise.after("p", step)[0] == 2 * once);
  BOOST_TEST(noise.after("q", step)[0] == once);
}

BOOST_AUTO_TEST_CASE(no_step_is_larger_than_adams) {
  const OptimizerConfig optimizer{.epsilon = 1e-16};
  AmplifiedNoise noise(optimizer, 1e-14);
  const std::vector<double> got{3e-15}, expected{-2e-15};

  const double largest = noise.after("p", {0.5, 0.1, got, expected})[0];

  BOOST_TEST(largest == 2 * 0.1 * (0.1 / std::sqrt(0.001)), boost::test_tools::tolerance(1e-9));
}

// The keys of OPT have a bias, and are not turned: its gradient is zero.
Scenario opt_in_fp64(double learning_rate) {
  Scenario scenario = sweep_scenario("opt-tp2-dp2-zero1-bf16", 2);
  scenario.training.working = Dtype::fp64;
  scenario.training.optimizer.learning_rate = learning_rate;
  return scenario;
}

CheckResult end_to_end_of(const Scenario& ran, const Scenario& judged) {
  const JudgedRun run(ran);
  const TemporaryFolder folder;
  reference::run_reference(judged, header_of(judged, Execution::reference), folder.path().string());
  const TraceReader reader(folder.path().string());
  JudgeContext context = run.context(judged);
  context.reference = &reader;
  std::vector<TrendPoint> trend;
  return check_end_to_end(context, trend).result();
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_zero_in_fp64_does_not_fail_at_a_high_learning_rate) {
  const Scenario scenario = opt_in_fp64(0.5);

  const CheckResult result = end_to_end_of(scenario, scenario);

  BOOST_TEST(name_of(result.outcome) == "pass", result.reason);
}

BOOST_AUTO_TEST_CASE(and_a_wrong_one_beside_it_still_does) {
  const Scenario scenario = opt_in_fp64(0.5);
  Scenario wrong = scenario;
  wrong.inject = {inject("scale", "model.decoder.layers.0.fc1/backward/bias_backward")};
  wrong.inject[0].factor = 1 + 1e-6;

  BOOST_TEST(name_of(end_to_end_of(wrong, scenario).outcome) == "fail");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
