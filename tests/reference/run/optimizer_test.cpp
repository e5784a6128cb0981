#include "reference/run/optimizer.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <tuple>

#include "reference/run/learning_rate.hpp"
#include "scenarios/config/deepspeed/scheduler_config.hpp"
#include "tests/reference/golden.hpp"
#include "tests/reference/random_tensors.hpp"
#include "tests/support/optimizer_goldens.hpp"

namespace shardproof::reference {

namespace {
using testing::read_tensor;
using testing::relative_difference;
using tests::deepspeed_schedules;
using tests::torch_cases;
using tests::trainer_schedules;
}  // namespace

BOOST_AUTO_TEST_SUITE(optimizer_test)

BOOST_AUTO_TEST_CASE(the_mean_is_over_the_batch_groups) {
  const Tensor mean = mean_over_groups(Tensor({3, 2}, {1, 2, 3, 4, 5, 9}));

  BOOST_TEST(mean.shape == Shape{2});
  BOOST_TEST(mean.values == (std::vector<double>{3, 5}));
}

BOOST_AUTO_TEST_CASE(the_norm_is_global) {
  BOOST_TEST(global_norm({{"a", Tensor({1}, {2})}, {"b", Tensor({2}, {-3, 6})}}) == 7.0);
}

BOOST_AUTO_TEST_CASE(clipping_acts_above_the_threshold_alone) {
  BOOST_TEST(clip_factor(4.0, 0.0) == 1.0);
  BOOST_TEST(clip_factor(0.5, 1.0) == 1.0);
  BOOST_TEST(clip_factor(1.0, 1.0) == 1.0 / 1.000001);  // the 1e-6 counts
  BOOST_TEST(clip_factor(4.0 - 1e-6, 2.0) == 0.5);
  BOOST_TEST(std::isnan(clip_factor(std::numeric_limits<double>::quiet_NaN(), 1.0)));
}

BOOST_AUTO_TEST_CASE(first_step_of_adamw_by_hand) {
  // g = 2: m = 0.5 * 2 = 1, v = 0.25 * 4 = 1, corrected 2 and 4: the direction is 2 / (2 + 2) =
  // 1/2. p = 8 - 0.5 * (1/2 + 0.25 * 8) = 6.75.
  const OptimizerConfig config{.beta1 = 0.5, .beta2 = 0.75, .epsilon = 2, .weight_decay = 0.25};
  OptimizerState state(Tensor({1}, {8}), config);

  optimizer_step(state, Tensor({1}, {4}), 0.5, config, 0.5, StepIndex{0});

  BOOST_TEST(state.moments.at("exp_avg")[0] == 1.0);
  BOOST_TEST(state.moments.at("exp_avg_sq")[0] == 1.0);
  BOOST_TEST(state.master[0] == 6.75);
}

BOOST_AUTO_TEST_CASE(first_step_of_adam_with_l2_by_hand) {
  // d = 2 + 0.25 * 8 = 4: m = 2, v = 4, corrected 4 and 16: the direction is 4 / (4 + 4) = 1/2.
  const OptimizerConfig config{.kind = OptimizerConfig::Kind::adam,
                               .beta1 = 0.5,
                               .beta2 = 0.75,
                               .epsilon = 4,
                               .weight_decay = 0.25};
  OptimizerState state(Tensor({1}, {8}), config);

  optimizer_step(state, Tensor({1}, {4}), 0.5, config, 0.5, StepIndex{0});

  BOOST_TEST(state.moments.at("exp_avg")[0] == 2.0);
  BOOST_TEST(state.moments.at("exp_avg_sq")[0] == 4.0);
  BOOST_TEST(state.master[0] == 7.75);
}

BOOST_AUTO_TEST_CASE(two_steps_of_sgd_by_hand) {
  // d = 2 + 0.25 * 8 = 4: b = 4, p = 8 - 0.5 * 4 = 6. d = 2 + 0.25 * 6 = 3.5: b = 5.5, p = 3.25.
  // Nesterov: p = 8 - 0.5 * (4 + 0.5 * 4) = 5. d = 3.25: b = 5.25, p = 5 - 0.5 * (3.25 + 2.625).
  OptimizerConfig config{.kind = OptimizerConfig::Kind::sgd, .weight_decay = 0.25, .momentum = 0.5};
  for (const auto& [nesterov, buffer, weight] :
       {std::tuple{false, 5.5, 3.25}, std::tuple{true, 5.25, 2.0625}}) {
    config.nesterov = nesterov;
    OptimizerState state(Tensor({1}, {8}), config);

    for (int step = 0; step < 2; ++step)
      optimizer_step(state, Tensor({1}, {4}), 0.5, config, 0.5, StepIndex{step});

    BOOST_TEST(state.moments.size() == 1U);
    BOOST_TEST(state.moments.at("momentum_buffer")[0] == buffer);
    BOOST_TEST(state.master[0] == weight);
  }
}

BOOST_AUTO_TEST_CASE(sgd_without_momentum_remembers_nothing) {
  const OptimizerConfig config{.kind = OptimizerConfig::Kind::sgd};
  OptimizerState state(Tensor({1}, {8}), config);

  optimizer_step(state, Tensor({1}, {4}), 0.5, config, 0.5, StepIndex{0});

  BOOST_TEST(state.moments.empty());
  BOOST_TEST(state.master[0] == 7.0);
}

BOOST_AUTO_TEST_CASE(five_steps_agree_with_torch_clipped_and_not) {
  const Safetensors torch("oracle/vectors/optimizers.safetensors");
  for (const auto& [name, config] : torch_cases()) {
    std::map<std::string, OptimizerState> states;
    for (const std::string parameter : {"a", "b"})
      states.emplace(parameter, OptimizerState(read_tensor(torch, "initial/" + parameter), config));
    int clipped_steps = 0;

    for (int step = 0; step < 5; ++step) {
      const std::string at = std::to_string(step) + "/";
      std::map<std::string, Tensor> gradients;
      for (const auto& [parameter, state] : states)
        gradients[parameter] = read_tensor(torch, at + "gradient/" + parameter);
      const double norm = global_norm(gradients);
      const double factor = clip_factor(norm, 1.0);
      clipped_steps += factor < 1;
      BOOST_TEST(std::abs(norm - read_tensor(torch, at + "norm")[0]) <= 1e-15 * norm);
      for (auto& [parameter, state] : states) {
        optimizer_step(state, gradients.at(parameter), factor, config, config.learning_rate,
                       StepIndex{step});
        const auto agrees = [&](const Tensor& actual, const std::string& what) {
          const std::string key = name + "/" + at + what + "/" + parameter;
          BOOST_TEST(relative_difference(actual, read_tensor(torch, key)) < 1e-14, key);
        };
        agrees(state.master, "parameter");
        for (const auto& [moment, tensor] : state.moments) agrees(tensor, moment);
      }
    }
    BOOST_TEST(clipped_steps == 2);
  }
}

BOOST_AUTO_TEST_CASE(schedules_give_deepspeeds_numbers_to_the_bit) {
  int rates = 0;
  for (const auto& [config, expected] : deepspeed_schedules())
    for (std::size_t step = 0; step < expected.size(); ++step, ++rates)
      BOOST_TEST(learning_rate(config, StepIndex{static_cast<int>(step)}) == expected[step],
                 write_json(to_json(config.scheduler)) << " step " << step);
  BOOST_TEST(rates == 20 * 12);
}

BOOST_AUTO_TEST_CASE(trainers_schedules_give_transformers_numbers_to_the_bit) {
  int rates = 0;
  for (const auto& [config, expected] : trainer_schedules())
    for (std::size_t step = 0; step < expected.size(); ++step, ++rates)
      BOOST_TEST(learning_rate(config, StepIndex{static_cast<int>(step)}) == expected[step],
                 name_of(config.scheduler.kind) << " step " << step);
  BOOST_TEST(rates == 16 * 12);
}

BOOST_AUTO_TEST_CASE(a_constant_rate_is_the_optimizers) {
  TrainingConfig config;
  config.optimizer.learning_rate = 0.25;
  for (const int step : {0, 1, 1000}) BOOST_TEST(learning_rate(config, StepIndex{step}) == 0.25);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
