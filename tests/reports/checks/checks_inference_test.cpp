// The judge of a run without training: nothing is required that inference has not, and the rest
// still finds what is wrong.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>

#include "reference/run/training.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/judge.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/scenario_runs.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

const std::string name = "inference-llama-uneven-tp3-dp1-fp64";

Verdict verdict_of(Scenario scenario) {
  const TemporaryFolder folder;
  scenario.executions = {Execution::reference, Execution::sim};
  reference::run_reference(scenario, header_of(scenario, Execution::reference),
                           folder / "reference");
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));
  return judge({scenario, folder / "reference", {{"sim", folder / "sim"}}, {}});
}

FirstDivergence divergence_of(const std::string& edit, const std::string& op) {
  Scenario scenario = sweep_scenario(name);
  scenario.inject = {inject(edit, op)};
  const Verdict verdict = verdict_of(scenario);
  BOOST_TEST(name_of(verdict.conclusion) == "fail");
  BOOST_REQUIRE(verdict.first_divergence.has_value());
  return *verdict.first_divergence;
}

const std::vector<int> all{0, 1, 2};

}  // namespace

BOOST_AUTO_TEST_SUITE(checks_of_inference)

BOOST_AUTO_TEST_CASE(every_check_but_those_of_training_compares_and_passes) {
  const Verdict verdict = verdict_of(sweep_scenario(name, 2));

  BOOST_TEST(name_of(verdict.conclusion) == "pass");
  for (const CheckResult& check : verdict.checks) {
    if (const std::set<std::string> silent{"shadow", "suspects", "sim_real", "baseline", "exact"};
        silent.contains(check.name))
      continue;
    if (check.name == "optimizer" || check.name == "progress") {
      BOOST_TEST((check.outcome == Outcome::not_run));
      BOOST_TEST(check.reason == "inference trains nothing");
      continue;
    }
    BOOST_TEST((check.outcome == Outcome::pass), check.name << ": " << check.reason);
    BOOST_TEST(check.compared > 0, check.name);
  }
  BOOST_TEST(verdict.trend.size() == 2U);
  BOOST_TEST(verdict.trend.front().quantity == "logits relative error");
}

// One rank, or replicas that share nothing, have no collective: that is looked at in every moment,
// and what does not apply is not required.
BOOST_AUTO_TEST_CASE(where_there_is_no_collective_none_is_wanted) {
  for (const int replicas : {1, 2}) {
    Scenario scenario = sweep_scenario("inference-llama-tp2-dp2-bf16");
    lay_out(scenario, 1, replicas);
    const Verdict verdict = verdict_of(scenario);
    BOOST_TEST(name_of(verdict.conclusion) == "pass");
    const auto collectives =
        std::ranges::find(verdict.checks, std::string("collectives"), &CheckResult::name);
    BOOST_TEST(collectives->compared > 0);
  }
}

BOOST_AUTO_TEST_CASE(a_missing_reduction_of_a_row_is_named_with_op_and_ranks) {
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  const FirstDivergence first = divergence_of("drop", op);
  BOOST_TEST(first.op == op);
  BOOST_TEST(first.ranks == all);
}

BOOST_AUTO_TEST_CASE(a_bias_in_the_partial_sums_is_found_where_it_is_added) {
  const FirstDivergence first =
      divergence_of("add_bias_before_reduce", "model.layers.0.mlp.down_proj/forward/add_bias");
  BOOST_TEST(first.op == "model.layers.0.mlp.down_proj/forward/add_bias.before_reduce");
  BOOST_TEST(first.ranks == all);
}

BOOST_AUTO_TEST_CASE(a_bias_that_is_left_out_or_added_twice_is_named) {
  const std::string op = "model.layers.1.mlp.up_proj/forward/add_bias";
  for (const char* edit : {"drop", "double"}) {
    const FirstDivergence first = divergence_of(edit, op);
    BOOST_TEST(first.op == op, edit);
    BOOST_TEST(first.ranks == all);
  }
}

BOOST_AUTO_TEST_CASE(shards_that_are_swapped_are_found_where_they_are_loaded) {
  const std::string op = "model.layers.0.mlp.up_proj/data/load_weight";
  const FirstDivergence first = divergence_of("swap_shards", op);
  BOOST_TEST(first.op == op);
  BOOST_TEST(first.ranks == all);
}

BOOST_AUTO_TEST_SUITE_END()
