// Scenarios made smaller, with a rule instead of runs: what must be there for them to fail.
#include "scenarios/random/minimize.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "scenarios/config/scenario_file.hpp"
#include "tests/support/sweep.hpp"

namespace shardproof::tests {
namespace {

const std::string op = "model.layers.1.mlp.down_proj/forward/all_reduce";

JsonValue failing_scenario() {
  JsonValue scenario = sweep_json("llama-tp2-dp2-zero2-bf16");
  *scenario.find("model")->find("config") = read_json(scenario.find("model")->find("config")->text);
  JsonValue drop = JsonValue::object().set("edit", "drop").set("op", op);
  return scenario.set("inject", JsonValue::array().append(drop));
}

/// Fails where the rule holds, and passes else.
RunScenario failing_where(const std::function<bool(const Scenario&)>& rule) {
  return [rule](const JsonValue& json) {
    const Scenario scenario = scenario_inside(json, "");
    if (scenario.inject.empty() || !rule(scenario)) return Outcome{"pass", {}, "", "", ""};
    return Outcome{"fail", {"op_local"}, "sim", scenario.inject[0].op, ""};
  };
}

BOOST_AUTO_TEST_SUITE(minimizing)

BOOST_AUTO_TEST_CASE(what_a_failure_does_not_need_goes_and_what_it_needs_stays) {
  const auto run = failing_where([](const Scenario& scenario) {
    return scenario.parallel.tensor_parallel >= 2 && scenario.data.sequence >= 5;
  });

  const Minimized least = minimize(failing_scenario(), run, 2000);

  const Scenario scenario = scenario_inside(least.scenario, "");
  BOOST_TEST(least.ended);
  BOOST_TEST(scenario.parallel.tensor_parallel == 2);
  BOOST_TEST(scenario.data.sequence == 5);
  BOOST_TEST(scenario.world() == 2);
  BOOST_TEST(scenario.steps == 1);
  BOOST_TEST(scenario.training.accumulation == 1);
  BOOST_TEST(scenario.model.num_hidden_layers == 1);
  // The defect has moved to the layer that is left.
  BOOST_TEST(scenario.inject.at(0).op == "model.layers.0.mlp.down_proj/forward/all_reduce");
  // Nothing else can be done.
  BOOST_TEST(smaller_than(least.scenario).size() > 10U);
  for (const JsonValue& smaller : smaller_than(least.scenario)) {
    try {
      if (effort_of(smaller).is_less_than(effort_of(least.scenario)))
        BOOST_TEST(!is_same_way(run(smaller), least.outcome), write_json(smaller));
    } catch (const ScenarioError&) {
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_whose_default_is_greater_is_not_left_out) {
  const auto run = failing_where([](const Scenario&) { return true; });

  const Minimized least = minimize(failing_scenario(), run, 2000);

  // Without it a Llama is 4096 wide.
  BOOST_TEST(least.scenario.find("model")->find("config")->find("hidden_size") != nullptr);
  BOOST_TEST(effort_of(least.scenario).is_less_than(effort_of(failing_scenario())));
}

BOOST_AUTO_TEST_CASE(what_passes_or_is_refused_is_run_once_and_stays) {
  for (const char* verdict : {"pass", "refused"}) {
    int runs = 0;
    const Minimized least = minimize(
        failing_scenario(),
        [&](const JsonValue&) {
          ++runs;
          return Outcome{verdict, {}, "", "", ""};
        },
        100);

    BOOST_TEST(runs == 1);
    BOOST_TEST(write_json(least.scenario) == write_json(failing_scenario()));
  }
}

BOOST_AUTO_TEST_CASE(runs_are_counted_and_end) {
  const auto run = failing_where([](const Scenario&) { return true; });
  int runs = 0, told = 0;
  JsonValue last_told;

  const Minimized least = minimize(
      failing_scenario(),
      [&](const JsonValue& scenario) {
        ++runs;
        return run(scenario);
      },
      4,
      [&](const Minimized& so_far, const Effort&) {
        ++told;
        last_told = so_far.scenario;
      });

  BOOST_TEST(runs == 4);
  BOOST_TEST(least.runs == 4);
  BOOST_TEST(told == 3);
  BOOST_TEST(write_json(last_told) == write_json(least.scenario));
  BOOST_TEST(!least.ended);
}

BOOST_AUTO_TEST_CASE(less_in_one_way_and_more_in_another_is_not_less) {
  const Effort effort{100, 10, 50};

  BOOST_TEST((Effort{100, 9, 50}.is_less_than(effort)));
  BOOST_TEST((Effort{100, 10, 49}.is_less_than(effort)));
  BOOST_TEST((Effort{99, 10, 60}.is_less_than(effort)));
  BOOST_TEST(!effort.is_less_than(effort));
  BOOST_TEST(!(Effort{101, 1, 1}.is_less_than(effort)));
  BOOST_TEST(!(Effort{1, 11, 1}.is_less_than(effort)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
