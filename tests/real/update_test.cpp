// The optimizer's kernels and scalars against torch and DeepSpeed (tests/oracle).
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>

#include "real/run/learning_rate.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"
#include "scenarios/config/deepspeed/scheduler_config.hpp"
#include "scenarios/data/safetensors.hpp"
#include "tests/support/kernels.hpp"
#include "tests/support/optimizer_goldens.hpp"

namespace shardproof::real {

namespace {

using Values = std::vector<double>;

TensorView view(Values& values) {
  return {Dtype::fp64, {std::ssize(values)}, reinterpret_cast<std::byte*>(values.data())};
}

Values read(const Safetensors& file, const std::string& name) {
  return file.read(name, whole(file.tensors().at(name).shape));
}

double relative_difference(const Values& a, const Values& b) {
  BOOST_REQUIRE(a.size() == b.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    difference = std::max(difference, std::fabs(a[i] - b[i]));
  }
  return difference / largest;
}

/// A tensor in its own dtype.
class Stored {
 public:
  Stored(Dtype dtype, const Values& values)
      : dtype_(dtype), bytes_(size_bytes(dtype) * values.size()) {
    encode(dtype_, values, bytes_);
  }
  TensorView view() {
    const auto count = static_cast<std::int64_t>(bytes_.size() / size_bytes(dtype_));
    return {dtype_, {count}, bytes_.data()};
  }
  bool holds(const Values& values) const { return Stored(dtype_, values).bytes_ == bytes_; }

 private:
  Dtype dtype_;
  std::vector<std::byte> bytes_;
};

/// One parameter, updated by the device's kernels in the order in which UpdateRule lowers them.
struct Parameter {
  Values master;
  std::map<std::string, Values> states;

  void update(tests::CpuKernels& device, const OptimizerConfig& config, Values gradient, int step) {
    const TensorView p = view(master), g = view(gradient);
    Values lr{config.learning_rate}, c1{1 - std::pow(config.beta1, step + 1)},
        c2{1 - std::pow(config.beta2, step + 1)};
    const bool adamw = config.kind == OptimizerConfig::Kind::adamw;
    if (!adamw) device.add_scaled(g, p, g, config.weight_decay);
    if (config.kind != OptimizerConfig::Kind::sgd) {
      const TensorView m = view(states.at("exp_avg")), v = view(states.at("exp_avg_sq"));
      device.exp_avg(m, g, m, config.beta1);
      device.exp_avg_sq(v, g, v, config.beta2);
      device.adamw(p, m, v, view(lr), view(c1), view(c2), p, config.epsilon,
                   adamw ? config.weight_decay : 0);
      return;
    }
    if (config.momentum == 0) return device.sgd(p, g, view(lr), p);
    const TensorView buffer = view(states.at("momentum_buffer"));
    device.add_scaled(g, buffer, buffer, config.momentum);
    if (config.nesterov) device.add_scaled(g, buffer, g, config.momentum);
    device.sgd(p, config.nesterov ? g : buffer, view(lr), p);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(update)

BOOST_AUTO_TEST_CASE(five_steps_of_every_optimizer_agree_with_torch) {
  const Safetensors torch("oracle/vectors/optimizers.safetensors");
  tests::CpuKernels device;
  for (const auto& [name, config] : tests::torch_cases())
    for (const std::string of : {"a", "b"}) {
      Parameter parameter{read(torch, "initial/" + of), {}};
      for (const std::string& state : state_names(config))
        parameter.states[state].resize(parameter.master.size());
      for (int step = 0; step < 5; ++step) {
        const std::string at = std::to_string(step) + "/";
        Values gradient = read(torch, at + "gradient/" + of), norm = read(torch, at + "norm"),
               factor(1);
        device.clip_factor(view(norm), nullptr, view(factor), 1.0);
        device.multiply(view(gradient), view(factor), view(gradient));

        parameter.update(device, config, gradient, step);

        const auto agrees = [&](const Values& actual, const std::string& what) {
          const std::string key = name + "/" + at + what + "/" + of;
          BOOST_TEST(relative_difference(actual, read(torch, key)) < 1e-14, key);
        };
        agrees(parameter.master, "parameter");
        for (const auto& [state, values] : parameter.states) agrees(values, state);
      }
    }
}

// torch's own steps, one after another from our own state: the kernels must give its bits.
BOOST_AUTO_TEST_CASE(four_steps_of_torchs_form_are_torchs_to_the_bit) {
  const Safetensors torch("oracle/vectors/torch_adam.safetensors");
  tests::CpuKernels device;
  int compared = 0;
  for (const Dtype dtype : {Dtype::fp32, Dtype::fp64})
    for (const auto& [name, config] : tests::torch_form_cases()) {
      const std::string prefix = name_of(dtype) + std::string("/");
      Stored p(dtype, read(torch, prefix + "initial")), m(dtype, Values(45)), v(dtype, Values(45));
      for (int step = 0; step < 4; ++step) {
        const std::string at = std::to_string(step);
        Stored g(dtype, read(torch, prefix + at + "/gradient"));
        Values lr = read(torch, at + "/lr"), c1{1 - std::pow(config.beta1, step + 1)},
               root{std::pow(1 - std::pow(config.beta2, step + 1), 0.5)};
        const bool adamw = config.kind == OptimizerConfig::Kind::adamw;
        if (!adamw) device.torch_decay(g.view(), p.view(), g.view(), config.weight_decay);
        device.torch_exp_avg(m.view(), g.view(), m.view(), config.beta1);
        device.torch_exp_avg_sq(v.view(), g.view(), v.view(), config.beta2);
        device.torch_adamw(p.view(), m.view(), v.view(), view(lr), view(c1), view(root), p.view(),
                           config.epsilon, adamw ? config.weight_decay : 0);
        for (const auto& [what, tensor] :
             {std::pair{"parameter", &p}, {"exp_avg", &m}, {"exp_avg_sq", &v}}) {
          const std::string key = prefix + name + "/" + at + "/" + what;
          BOOST_TEST(tensor->holds(read(torch, key)), key);
          ++compared;
        }
      }
    }
  BOOST_TEST(compared == 2 * 6 * 4 * 3);
}

BOOST_AUTO_TEST_CASE(schedules_give_deepspeeds_numbers_to_the_bit) {
  int rates = 0;
  for (const auto& [config, expected] : tests::deepspeed_schedules())
    for (std::size_t updates = 0; updates < expected.size(); ++updates, ++rates)
      BOOST_TEST(learning_rate(config, static_cast<int>(updates)) == expected[updates],
                 write_json(to_json(config.scheduler)) << " after " << updates);
  BOOST_TEST(rates == 20 * 12);
}

BOOST_AUTO_TEST_CASE(trainers_schedules_give_transformers_numbers_to_the_bit) {
  int rates = 0;
  for (const auto& [config, expected] : tests::trainer_schedules())
    for (std::size_t updates = 0; updates < expected.size(); ++updates, ++rates)
      BOOST_TEST(learning_rate(config, static_cast<int>(updates)) == expected[updates],
                 name_of(config.scheduler.kind) << " after " << updates);
  BOOST_TEST(rates == 16 * 12);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::real
