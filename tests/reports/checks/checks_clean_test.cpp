#include <boost/test/unit_test.hpp>

#include "reports/checks/collectives.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/end_to_end.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/plan.hpp"
#include "reports/checks/policy.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/checks/sim_real.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

BOOST_AUTO_TEST_SUITE(checks_of_clean_runs)

BOOST_AUTO_TEST_CASE(every_check_compares_something_and_passes_on_every_grid_stage_and_dtype) {
  for (const char* name :
       {"tiny-tp1-dp1-zero0-fp64", "tiny-bias-tp2-dp1-zero0-fp64", "tiny-tp1-dp2-zero1-bf16",
        "tiny-bias-tp2-dp2-zero1-bf16", "tiny-bias-tp2-dp2-zero0-fp32-rank_order",
        "tiny-tp4-dp1-zero0-fp32", "tiny-gqa-tp1-dp3-zero1-fp32-rank_order",
        "tiny-tp1-dp4-zero0-bf16", "tiny-gqa-tp2-dp4-zero1-bf16-rank_order",
        "llama-tp2-dp2-zero2-bf16", "llama-uneven-tp3-dp2-zero2-overlap-fp32",
        "torch-adamw-tp2-dp2-zero2-bf16-round_robin", "torch-adam-l2-tp1-dp3-zero1-fp64-cosine"}) {
    const JudgedRun run(sweep_scenario(name, 2));
    BOOST_TEST_REQUIRE(run.finished());
    for (const auto check : {check_plan, check_policy, check_leaves, check_collectives,
                             check_coverage, check_replicas, check_optimizer, check_round_trip}) {
      const CheckResult result = check(run.context()).result();
      if (result.name == "replicas" && run.trace().world() == 1) {
        BOOST_TEST(name_of(result.outcome) == "unknown", name);
        BOOST_TEST(result.compared == 0, name);
        continue;
      }
      BOOST_TEST(name_of(result.outcome) == "pass",
                 name << ", " << result.name << ": " << result.reason);
      BOOST_TEST(result.compared > 0, name << ", " << result.name);
    }
  }
}

// Gemma scales its embeddings, stage 0 its sums: two factors that are no other's business.
BOOST_AUTO_TEST_CASE(policy_takes_the_mean_over_the_replicas_for_no_factor_of_the_model) {
  Scenario scenario = sweep_scenario("gemma2-tp_plan-tp2-dp2-zero1-bf16");
  scenario.parallel.zero_stage = 0;
  const JudgedRun run(scenario);

  const CheckResult result = check_policy(run.context()).result();

  BOOST_TEST(name_of(result.outcome) == "pass", result.reason);
  BOOST_TEST(result.compared > 0);
}

BOOST_AUTO_TEST_CASE(coverage_compares_as_many_elements_as_the_reference_lists) {
  const JudgedRun run(sweep_scenario("tiny-gqa-tp2-dp2-zero1-fp64"));
  std::int64_t expected = reference::output_elements(run.units());
  for (const auto& [path, shape] : reference::expected_leaves(run.context().scenario))
    expected += element_count(shape);
  expected += run.context().scenario.training.accumulation;  // and a flag of each data check

  BOOST_TEST(check_coverage(run.context()).result().compared == expected);
}

BOOST_AUTO_TEST_CASE(a_run_in_fp64_stays_within_the_gate_and_one_in_bf16_is_a_trend) {
  for (const auto& [name, outcome] : {std::pair{"tiny-gqa-tp2-dp2-zero1-fp64", "pass"},
                                      {"torch-adam-l2-tp1-dp3-zero1-fp64-cosine", "pass"},
                                      {"tiny-tp1-dp2-zero1-bf16", "trend"}}) {
    const Scenario scenario = sweep_scenario(name, 2);
    const JudgedRun run(scenario);
    const TemporaryFolder folder;
    reference::run_reference(scenario, header_of(scenario, Execution::reference),
                             folder.path().string());
    const TraceReader reader(folder.path().string());
    JudgeContext context = run.context();
    context.reference = &reader;

    std::vector<TrendPoint> trend;
    const CheckResult result = check_end_to_end(context, trend).result();

    BOOST_TEST(name_of(result.outcome) == outcome, result.reason);
    BOOST_TEST(result.compared > 0);
    BOOST_TEST_REQUIRE(trend.size() == 6u);  // loss, norm, parameters of two steps
    BOOST_TEST(trend[0].quantity == "loss");
    BOOST_TEST(trend[0].value == trend[0].reference.value(), boost::test_tools::tolerance(0.01));
  }
}

BOOST_AUTO_TEST_CASE(without_a_reference_or_a_second_execution_nothing_is_said) {
  const JudgedRun run(sweep_scenario("tiny-tp1-dp1-zero0-fp64"));
  std::vector<TrendPoint> trend;

  BOOST_TEST(name_of(check_end_to_end(run.context(), trend).result().outcome) == "not_run");
  BOOST_TEST(name_of(check_sim_real(run.context()).result().outcome) == "not_run");
}

BOOST_AUTO_TEST_CASE(two_simulations_of_one_scenario_are_bit_identical) {
  const Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  const JudgedRun run(scenario);
  const TemporaryFolder folder;
  sim::simulate(scenario, folder.path().string());
  const EngineTrace second("real", folder.path().string());
  JudgeContext context = run.context();
  context.traces.push_back(&second);

  const CheckResult result = check_sim_real(context).result();

  BOOST_TEST(name_of(result.outcome) == "pass", result.reason);
  BOOST_TEST(result.compared > 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
