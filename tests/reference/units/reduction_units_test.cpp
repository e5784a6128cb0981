#include <boost/test/unit_test.hpp>

#include "reference/units/step_units.hpp"

namespace shardproof::reference {
namespace {

using Lines = std::vector<std::string>;

// One parameter of 4 elements, three replicas, two micro-steps.
Scenario scenario_of(int stage) {
  Scenario scenario;
  scenario.model.parameters = {{"norm.weight", {4}}};
  scenario.world = 3;
  scenario.training.zero_stage = stage;
  scenario.training.accumulation = 2;
  return scenario;
}

/// The units of step 1 as "output shape = kind(inputs)".
Lines reduction_of(const Scenario& scenario) {
  std::vector<Unit> units;
  for (int micro = 0; micro < 2; ++micro) append_accumulation(scenario, 1, micro, units);
  append_reduction(scenario, 1, units);
  Lines lines;
  for (const Unit& unit : units) {
    std::string inputs;
    for (const std::string& input : unit.inputs) inputs += (inputs.empty() ? "" : ", ") + input;
    lines.push_back(unit.output + " " + to_string(unit.shape) + " = " + name_of(unit.kind) + "(" +
                    inputs + ")");
  }
  return lines;
}

MeanForm form_of(const Scenario& scenario) {
  std::vector<Unit> units;
  append_accumulation(scenario, 0, 0, units);
  append_reduction(scenario, 0, units);
  for (const Unit& unit : units)
    if (unit.kind == UnitKind::mean) return unit.attributes.mean_form;
  BOOST_FAIL("no mean");
  return {};
}

BOOST_AUTO_TEST_SUITE(reduction_units)

BOOST_AUTO_TEST_CASE(stages_0_and_1_sum_what_each_replica_has_and_average_once) {
  const std::string step = "/step/000001", a = step + "/micro/0", b = step + "/micro/1";
  for (const int stage : {0, 1}) {
    const Lines got = reduction_of(scenario_of(stage));
    const Lines expected{
        a + "/accumulator/norm.weight (3, 4) = add(zero, " + a + "/gradient/norm.weight)",
        b + "/accumulator/norm.weight (3, 4) = add(" + a + "/accumulator/norm.weight, " + b +
            "/gradient/norm.weight)",
        step + "/gradient/norm.weight (4) = mean(" + b + "/accumulator/norm.weight)"};
    BOOST_TEST(got == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(stage_2_averages_each_micro_step_and_sums_the_means) {
  const std::string step = "/step/000001", a = step + "/micro/0", b = step + "/micro/1";
  const Lines got = reduction_of(scenario_of(2));
  const Lines expected{
      a + "/reduce/norm.weight/averaged (4) = mean(" + a + "/gradient/norm.weight)",
      a + "/accumulator/norm.weight (4) = add(zero, " + a + "/reduce/norm.weight/averaged)",
      b + "/reduce/norm.weight/averaged (4) = mean(" + b + "/gradient/norm.weight)",
      b + "/accumulator/norm.weight (4) = add(" + a + "/accumulator/norm.weight, " + b +
          "/reduce/norm.weight/averaged)",
      step + "/gradient/norm.weight (4) = copy(" + b + "/accumulator/norm.weight)"};
  BOOST_TEST(got == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(zero_divides_before_but_in_bf16_with_fp32_accumulators_at_stage_1) {
  const auto form = [](int stage, Dtype working, std::optional<Dtype> accumulate) {
    Scenario scenario = scenario_of(stage);
    scenario.training.working = working;
    scenario.training.accumulate = accumulate;
    return form_of(scenario);
  };

  BOOST_CHECK(form(0, Dtype::bf16, std::nullopt) == MeanForm::multiply_after);
  BOOST_CHECK(form(1, Dtype::bf16, std::nullopt) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::bf16, Dtype::bf16) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::bf16, Dtype::fp32) == MeanForm::multiply_after);
  BOOST_CHECK(form(2, Dtype::bf16, Dtype::fp32) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::fp16, Dtype::fp32) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::fp32, Dtype::fp32) == MeanForm::divide_before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reference
