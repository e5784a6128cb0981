#include "reference/optimizer.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>

#include "tests/reference/golden.hpp"
#include "tests/reference/random_tensors.hpp"

namespace shardproof::reference {

namespace {
using testing::read_tensor;
using testing::relative_difference;
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
  const OptimizerConfig config{
      .learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 2, .weight_decay = 0.25};
  OptimizerState state(Tensor({1}, {8}));

  adamw_step(state, Tensor({1}, {4}), 0.5, config, StepIndex{0});

  BOOST_TEST(state.exp_avg[0] == 1.0);
  BOOST_TEST(state.exp_avg_sq[0] == 1.0);
  BOOST_TEST(state.master[0] == 6.75);
}

struct TorchCase {
  std::string name;  // of a case of oracle/optimizers_golden.py
  OptimizerConfig config;
};

BOOST_AUTO_TEST_CASE(five_steps_agree_with_torch_clipped_and_not) {
  const Safetensors torch("oracle/vectors/optimizers.safetensors");
  const OptimizerConfig adamw{
      .learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1};
  OptimizerConfig eps = adamw;
  eps.beta1 = 0.8;
  eps.beta2 = 0.999;
  eps.epsilon = 1e-2;
  for (const auto& [name, config] : {TorchCase{"adamw", adamw}, TorchCase{"adamw-eps", eps}}) {
    std::map<std::string, OptimizerState> states;
    for (const std::string parameter : {"a", "b"})
      states.emplace(parameter, OptimizerState(read_tensor(torch, "initial/" + parameter)));
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
        adamw_step(state, gradients.at(parameter), factor, config, StepIndex{step});
        const auto agrees = [&](const Tensor& actual, const std::string& what) {
          const std::string key = name + "/" + at + what + "/" + parameter;
          BOOST_TEST(relative_difference(actual, read_tensor(torch, key)) < 1e-14, key);
        };
        agrees(state.master, "parameter");
        agrees(state.exp_avg, "exp_avg");
        agrees(state.exp_avg_sq, "exp_avg_sq");
      }
    }
    BOOST_TEST(clipped_steps == 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
