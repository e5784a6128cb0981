#include <boost/test/unit_test.hpp>

#include "reference/units/step_units.hpp"

namespace shardproof::reference {
namespace {

using Lines = std::vector<std::string>;

// One parameter of 4 elements, three replicas, two micro-steps.
Task small_task() {
  Task task;
  task.model.parameters = {{"norm.weight", {4}}};
  task.replicas = 3;
  task.training.accumulation = 2;
  return task;
}

/// The units of step 1 as "output shape = kind(inputs)".
Lines reduction_of(const MeanOverReplicas& mean) {
  const Task task = small_task();
  std::vector<Unit> units;
  for (int micro = 0; micro < 2; ++micro) append_accumulation(task, mean, 1, micro, units);
  append_reduction(task, mean, 1, units);
  Lines lines;
  for (const Unit& unit : units) {
    std::string inputs;
    for (const std::string& input : unit.inputs) inputs += (inputs.empty() ? "" : ", ") + input;
    lines.push_back(unit.output + " " + to_string(unit.shape) + " = " + name_of(unit.kind) + "(" +
                    inputs + ")");
  }
  return lines;
}

MeanForm form_of(const MeanOverReplicas& mean) {
  std::vector<Unit> units;
  append_accumulation(small_task(), mean, 0, 0, units);
  append_reduction(small_task(), mean, 0, units);
  for (const Unit& unit : units)
    if (unit.kind == UnitKind::mean) return unit.attributes.mean_form;
  BOOST_FAIL("no mean");
  return {};
}

BOOST_AUTO_TEST_SUITE(reduction_units)

BOOST_AUTO_TEST_CASE(what_each_replica_has_is_summed_and_averaged_once) {
  const std::string step = "/step/000001", a = step + "/micro/0", b = step + "/micro/1";
  for (const MeanForm form : {MeanForm::multiply_after, MeanForm::divide_before}) {
    const Lines got = reduction_of({form, /*each_micro_step=*/false});
    const Lines expected{
        a + "/accumulator/norm.weight (3, 4) = add(zero, " + a + "/gradient/norm.weight)",
        b + "/accumulator/norm.weight (3, 4) = add(" + a + "/accumulator/norm.weight, " + b +
            "/gradient/norm.weight)",
        step + "/gradient/norm.weight (4) = mean(" + b + "/accumulator/norm.weight)"};
    BOOST_TEST(got == expected, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(or_each_micro_step_is_averaged_and_the_means_are_summed) {
  const std::string step = "/step/000001", a = step + "/micro/0", b = step + "/micro/1";
  const Lines got = reduction_of({MeanForm::divide_before, /*each_micro_step=*/true});
  const Lines expected{
      a + "/reduce/norm.weight/averaged (4) = mean(" + a + "/gradient/norm.weight)",
      a + "/accumulator/norm.weight (4) = add(zero, " + a + "/reduce/norm.weight/averaged)",
      b + "/reduce/norm.weight/averaged (4) = mean(" + b + "/gradient/norm.weight)",
      b + "/accumulator/norm.weight (4) = add(" + a + "/accumulator/norm.weight, " + b +
          "/reduce/norm.weight/averaged)",
      step + "/gradient/norm.weight (4) = copy(" + b + "/accumulator/norm.weight)"};
  BOOST_TEST(got == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_mean_is_rounded_as_the_oracle_is_told) {
  for (const bool each : {false, true})
    for (const MeanForm form : {MeanForm::multiply_after, MeanForm::divide_before})
      BOOST_CHECK(form_of({form, each}) == form);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reference
