#include "scenarios/precision/mean_over_replicas.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>

#include "scenarios/precision/precision.hpp"

namespace shardproof {
namespace {

Scenario scenario_of(int stage, Dtype working, std::optional<Dtype> accumulate) {
  Scenario scenario;
  scenario.parallel.zero_stage = stage;
  scenario.training.working = working;
  scenario.training.accumulate = accumulate;
  return scenario;
}

BOOST_AUTO_TEST_SUITE(mean_over_replicas_)

BOOST_AUTO_TEST_CASE(zero_divides_before_but_in_bf16_with_fp32_accumulators_at_stage_1) {
  const auto form = [](int stage, Dtype working, std::optional<Dtype> accumulate) {
    return mean_over_replicas(scenario_of(stage, working, accumulate)).form;
  };

  BOOST_CHECK(form(0, Dtype::bf16, std::nullopt) == MeanForm::multiply_after);
  BOOST_CHECK(form(1, Dtype::bf16, std::nullopt) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::bf16, Dtype::bf16) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::bf16, Dtype::fp32) == MeanForm::multiply_after);
  BOOST_CHECK(form(2, Dtype::bf16, Dtype::fp32) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::fp16, Dtype::fp32) == MeanForm::divide_before);
  BOOST_CHECK(form(1, Dtype::fp32, Dtype::fp32) == MeanForm::divide_before);
}

BOOST_AUTO_TEST_CASE(stages_0_and_1_average_once_and_stage_2_each_micro_step) {
  const auto each = [](int stage) {
    return mean_over_replicas(scenario_of(stage, Dtype::bf16, std::nullopt)).each_micro_step;
  };

  BOOST_CHECK(!each(0));
  BOOST_CHECK(!each(1));
  BOOST_CHECK(each(2));
}

BOOST_AUTO_TEST_CASE(the_oracle_is_told_what_the_engine_goes_by) {
  for (const int stage : {0, 1, 2})
    for (const Dtype working : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16})
      for (const std::optional<Dtype> accumulate :
           {std::optional<Dtype>(), std::optional(Dtype::fp32), std::optional(working)}) {
        const Scenario scenario = scenario_of(stage, working, accumulate);
        BOOST_CHECK((mean_over_replicas(scenario).form == MeanForm::divide_before) ==
                    precision_policy(scenario).divide_before);
      }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof
