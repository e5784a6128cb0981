// Both scalers against DeepSpeed's own numbers, and skipped steps in a simulated cluster.
#include "real/run/loss_scaler.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>

#include "reference/ops/loss_scaler.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "sim/simulate.hpp"
#include "tests/support/injections.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

struct Golden {
  LossScaleConfig config;
  std::vector<bool> overflow;
  std::vector<double> applied;  // of the steps that ran
  bool raises;
};

// ZeRO's cases that begin at a power of two, as ours do.
std::vector<Golden> goldens() {
  const JsonValue file = read_json("oracle/vectors/deepspeed/loss_scaler.json");
  std::vector<Golden> result;
  for (const JsonValue& c : file.find("cases")->elements) {
    const double power = std::log2(c.find("initial_scale")->number);
    if (c.find("scaler")->text != "zero" || power != std::floor(power)) continue;
    Golden golden;
    golden.config.initial_power = static_cast<int>(power);
    golden.config.window = c.find("loss_scale_window")->integer;
    golden.config.hysteresis = c.find("hysteresis")->integer;
    golden.config.consecutive_hysteresis = c.find("consecutive_hysteresis")->boolean;
    golden.config.lowest = c.find("min_loss_scale")->number;
    golden.raises = c.find("raises")->boolean;
    for (const JsonValue& scale : c.find("applied")->elements)
      if (!scale.is_null()) golden.applied.push_back(scale.number);
    for (const JsonValue& flag : c.find("overflow")->elements)
      golden.overflow.push_back(flag.boolean);
    result.push_back(std::move(golden));
  }
  return result;
}

TrainingConfig fp16(const LossScaleConfig& scale) {
  TrainingConfig training;
  training.working = Dtype::fp16;
  training.loss_scale = scale;
  return training;
}

BOOST_AUTO_TEST_SUITE(loss_scaler)

BOOST_AUTO_TEST_CASE(the_engine_s_scaler_applies_what_deepspeed_s_applies) {
  const std::vector<Golden> cases = goldens();
  BOOST_TEST(cases.size() >= 12U);
  for (const Golden& golden : cases) {
    real::LossScaler scaler(fp16(golden.config));
    for (std::size_t i = 0; i < golden.applied.size(); ++i) {
      BOOST_TEST(scaler.scale() == golden.applied[i]);
      if (golden.raises && i + 1 == golden.applied.size())
        BOOST_CHECK_THROW(scaler.update(golden.overflow[i]), ScenarioError);
      else
        scaler.update(golden.overflow[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(the_reference_s_scales_are_those_of_deepspeed) {
  for (const Golden& golden : goldens()) {
    std::vector<double> scales = reference::loss_scales(golden.config, golden.overflow);
    if (!golden.raises) scales.pop_back();  // of the step to come
    BOOST_TEST(scales == golden.applied, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_scaler_goes_on_from_its_counters) {
  for (const Golden& golden : goldens())
    for (std::size_t stop = 0; stop + 1 < golden.applied.size(); ++stop) {
      real::LossScaler before(fp16(golden.config)), after(fp16(golden.config));
      for (std::size_t i = 0; i < stop; ++i) before.update(golden.overflow[i]);
      after.restore(before.counters());
      for (std::size_t i = stop; i + 1 < golden.applied.size(); ++i) {
        BOOST_TEST(after.scale() == golden.applied[i]);
        after.update(golden.overflow[i]);
      }
    }
}

BOOST_AUTO_TEST_CASE(a_fixed_scale_and_none_at_all_never_change) {
  TrainingConfig training = fp16({.fixed = 100});
  real::LossScaler fixed(training);
  training.working = Dtype::bf16;
  real::LossScaler none(training);
  for (const bool overflow : {true, false, true}) {
    BOOST_TEST(fixed.scale() == 100);
    BOOST_TEST(none.scale() == 1);
    fixed.update(overflow);
    none.update(overflow);
  }
}

BOOST_AUTO_TEST_CASE(an_overflow_at_the_smallest_scale_ends_the_run_with_a_reason) {
  Scenario scenario = sweep("llama-fp16-dynamic-tp2-dp2-zero1");
  scenario.training.loss_scale.lowest = 0x1p19;
  scenario.training.loss_scale.hysteresis = 1;
  const TemporaryFolder folder;

  BOOST_CHECK_EXCEPTION(sim::simulate(scenario, folder.path().string()), ScenarioError,
                        [](const ScenarioError& error) {
                          return std::string(error.what()).find("fp16.min_loss_scale") !=
                                 std::string::npos;
                        });
}

// Where one rank has an inf or a NaN, nobody updates, whatever the stage: the same ranks' weights
// are those that they began with, and Adam's first update is the next step's.
BOOST_AUTO_TEST_CASE(one_rank_s_inf_or_nan_keeps_all_ranks_of_all_stages_from_updating) {
  for (const char* name : {"tiny-bias-tp2-dp2-zero0-fp32-rank_order",
                           "tiny-bias-tp2-dp2-zero1-bf16", "llama-fp16-static-tp2-dp2-zero0"})
    for (const auto& [value, rank] : {std::pair{"nan", 0}, {"inf", 3}})
      BOOST_TEST_CONTEXT(name << ", " << value << " on rank " << rank) {
        Scenario scenario = sweep(name);
        Injection injection = inject("set", "model.norm/backward/rms_norm_backward_weight", {rank});
        injection.value = value;
        injection.steps = {0};
        scenario.inject = {injection};
        const TemporaryFolder folder;

        BOOST_REQUIRE(sim::simulate(scenario, folder.path().string()));

        const TraceReader reader(folder.path().string());
        for (int each = 0; each < scenario.world(); ++each) {
          float flag = 0;
          std::memcpy(&flag, stored(reader, "/step/000000/scalar/nonfinite", each).data(), 4);
          BOOST_TEST(flag == 1.0F);
        }
        for (const auto& [path, holders] : reader.datasets()) {
          BOOST_TEST(!path.starts_with("/step/000000/parameter"), path);
          BOOST_TEST(!path.starts_with("/step/000000/optimizer"), path);
        }
        BOOST_TEST(reader.datasets().contains("/step/000001/parameter/lm_head.weight"));
        double c1 = 0;
        decode(Dtype::fp32, stored(reader, "/step/000001/scalar/bias_correction1", 0), {&c1, 1});
        BOOST_TEST(c1 == round_to(Dtype::fp32, 1.0 - scenario.training.optimizer.beta1));
      }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
