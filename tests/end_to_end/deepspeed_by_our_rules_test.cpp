// DeepSpeed itself, run once on TP 2 x DP 2 (tests/oracle/deepspeed_golden.py), as the witness that
// we model DeepSpeed and not our reading of it. Its run is followed link by link, each link
// computed by our rules from what DeepSpeed had before it.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "reference/run/optimizer.hpp"
#include "scenarios/dtype.hpp"
#include "tests/end_to_end/deepspeed_cases.hpp"

namespace shardproof::tests {
namespace {

Tensor combined(const Tensor& a, const Tensor& b, const auto& rule) {
  Tensor result(a.shape);
  for (std::int64_t i = 0; i < result.size(); ++i) result[i] = rule(a[i], b[i]);
  return result;
}

// local[m][d] -> what the optimizer is handed, every sum rounded to `of.sums`. Stage 0
// divides by D after its sum over the replicas, stages 1 and 2 before; stage 2 sums over the
// replicas in every micro-step (spec-autotp 7.7.2, 7.7.3).
Tensor reduced_gradient(const DeepSpeedCase& of, const std::vector<std::vector<Tensor>>& local) {
  const auto sum = [&](double a, double b) { return round_to(of.sums, a + b); };
  const auto half = [&](double a) { return round_to(of.sums, a / replicas); };
  const auto halves = [&](double a, double b) { return sum(half(a), half(b)); };
  const auto half_of_sum = [&](double a, double b) { return half(sum(a, b)); };
  if (of.stage == 2)
    return combined(combined(local[0][0], local[0][1], halves),
                    combined(local[1][0], local[1][1], halves), sum);
  const Tensor first = combined(local[0][0], local[1][0], sum);
  const Tensor second = combined(local[0][1], local[1][1], sum);
  return of.stage == 0 ? combined(first, second, half_of_sum) : combined(first, second, halves);
}

std::map<std::string, Tensor> reduced_gradients(const DeepSpeedRun& run, const Scenario& scenario,
                                                int step) {
  std::map<std::string, Tensor> gradients;
  for (const ParameterDescription& p : scenario.model.parameters)
    gradients[p.name] = run.of_step(step, "reduced/" + p.name);
  return gradients;
}

// How far DeepSpeed's master weights are from AdamW on its own gradients and clip factors, in units
// of what fp32 may do to one step. `extra_steps`: taken before the first, with gradients of zero.
//
// The units: the weight is rounded 4 times at most (decay and update, each a product and a sum). In
// the update 1 - beta1 and 1 - beta2 are 10 and 20 roundoffs off, for 0.1 and 0.05 are what is left
// of 1 after fl(0.9) and fl(0.95); so are the corrections. With the clipped gradient
// (2, and the factor was observed to within 4), products and sums, and half of it all under the
// root, a step adds at most 100 roundoffs of the moment's terms, taken without their signs.
double adamw_excess(const DeepSpeedCase& of, int extra_steps) {
  const Scenario scenario = any_scenario();
  const OptimizerConfig& adamw = scenario.training.optimizer;
  const DeepSpeedRun run(of);
  const Safetensors initial(deepspeed_folder + "model/model.safetensors");
  double worst = 0;
  for (const ParameterDescription& p : scenario.model.parameters) {
    Tensor weights(p.shape, initial.read(p.name, whole(p.shape)));
    for (double& w : weights.values) w = round_to(of.working, w);
    reference::OptimizerState state(weights, adamw);
    const Tensor& exp_avg = state.moments.at("exp_avg");
    const Tensor& exp_avg_sq = state.moments.at("exp_avg_sq");
    Tensor terms(p.shape);  // of exp_avg, without signs
    int taken = 0;
    while (taken < extra_steps)
      reference::optimizer_step(state, Tensor(p.shape), 1, adamw, adamw.learning_rate,
                                StepIndex{taken++});
    for (int step = 0; step < steps; ++step, ++taken) {
      const Tensor gradient = run.of_step(step, "reduced/" + p.name);
      const double factor = run.scalar(step, "factor");
      reference::optimizer_step(state, gradient, factor, adamw, adamw.learning_rate,
                                StepIndex{taken});
      const Tensor theirs = run.of_step(step, "master/" + p.name);
      const double c1 = reference::bias_correction(adamw.beta1, StepIndex{taken});
      const double c2 = reference::bias_correction(adamw.beta2, StepIndex{taken});
      for (std::int64_t i = 0; i < theirs.size(); ++i) {
        terms[i] = adamw.beta1 * terms[i] + (1 - adamw.beta1) * factor * std::abs(gradient[i]);
        const double update =
            adamw.learning_rate * terms[i] / c1 / (std::sqrt(exp_avg_sq[i] / c2) + adamw.epsilon);
        const double allowed = u * (4 * std::abs(theirs[i]) + 100 * (step + 1) * update);
        worst = std::max(worst, std::abs(theirs[i] - state.master[i]) / allowed);
      }
      state.master = theirs;  // the next step starts from theirs
    }
    const Tensor m = run.of_step(steps - 1, "exp_avg/" + p.name);
    const Tensor v = run.of_step(steps - 1, "exp_avg_sq/" + p.name);
    for (std::int64_t i = 0; i < m.size(); ++i) {
      worst = std::max(worst, std::abs(m[i] - exp_avg[i]) / (100 * u * terms[i] + 1e-45));
      const double squares = exp_avg_sq[i];
      worst = std::max(worst, std::abs(v[i] - squares) / (100 * u * squares + 1e-45));
    }
  }
  return worst;
}

BOOST_AUTO_TEST_SUITE(deepspeed_by_our_rules)

BOOST_AUTO_TEST_CASE(reduces_local_gradients_by_our_rule_bit_for_bit) {
  const Scenario scenario = any_scenario();
  for (const DeepSpeedCase& of : deepspeed_ran) {
    const DeepSpeedRun run(of);
    for (const ParameterDescription& p : scenario.model.parameters) {
      std::vector<std::vector<Tensor>> local(micro_steps);
      for (int m = 0; m < micro_steps; ++m)
        for (int d = 0; d < replicas; ++d) local[m].push_back(run.local(m, d, p.name));
      const Tensor theirs = run.of_step(0, "reduced/" + p.name);
      BOOST_TEST(theirs.values == reduced_gradient(of, local).values, of << ": " << p.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(counts_every_parameter_once_in_its_norm) {
  const Scenario scenario = any_scenario();
  for (const DeepSpeedCase& of : deepspeed_ran)
    for (int step = 0; step < steps; ++step) {
      const DeepSpeedRun run(of);
      const double scale = of.stage == 0 ? of.unscaled_by[step] : of.loss_scale;
      const double norm = reference::global_norm(reduced_gradients(run, scenario, step)) / scale;
      const double allowed = norm_roundoffs(of) * u;
      BOOST_TEST(std::abs(run.scalar(step, "norm") / norm - 1) <= allowed, of << ", " << step);
    }
}

// How far the factor on the way to the optimizer is from ours for a loss scale, in units of what
// rounding may do: to the norm, and a few times to the factor.
double clip_excess(const DeepSpeedCase& of, int step, double scale) {
  const DeepSpeedRun run(of);
  const double norm = reference::global_norm(reduced_gradients(run, any_scenario(), step)) / scale;
  const double factor = reference::clip_factor(norm, of.clipping) / scale;
  const double allowed = (norm_roundoffs(of) + 4) * u;
  return std::abs(run.scalar(step, "factor") / factor - 1) / allowed;
}

BOOST_AUTO_TEST_CASE(clips_by_our_factor) {
  for (const DeepSpeedCase& of : deepspeed_ran)
    for (int step = 0; step < steps; ++step) {
      BOOST_TEST(clip_excess(of, step, of.unscaled_by[step]) <= 1, of << ", " << step);
      if (of.working != Dtype::fp16) BOOST_TEST(DeepSpeedRun(of).scalar(step, "factor") < 0.5);
    }
}

// Spec-autotp 10.1 #7: stage 0 divides by a scale that no loss was multiplied by. Unscaled
// gradients are coarser, by less than 1 %.
BOOST_AUTO_TEST_CASE(does_not_scale_the_losses_of_stage_0) {
  const DeepSpeedRun unscaled(fp16_0), scaled(fp16_1);
  for (const ParameterDescription& p : any_scenario().model.parameters) {
    const Tensor small = unscaled.local(0, 0, p.name), large = scaled.local(0, 0, p.name);
    const Tensor times_256 = combined(small, small, [](double a, double) { return 256 * a; });
    const double size = norm_of_difference(large, Tensor(large.shape));
    BOOST_TEST(norm_of_difference(times_256, large) < 0.01 * size, p.name);
  }
  BOOST_TEST(clip_excess(fp16_0, 0, fp16_0.loss_scale) > 1000);
}

// 10.1 #8: where the scale doubles, gradients are divided by twice what their losses were
// multiplied by.
BOOST_AUTO_TEST_CASE(halves_the_update_where_the_scale_grows) {
  BOOST_TEST(clip_excess(fp16_1, 0, fp16_1.loss_scale) <= 1);
  BOOST_TEST(clip_excess(fp16_1, 1, fp16_1.loss_scale) > 1000);
}

// Not in 10.1: stage 2 in bf16 is asked to sum gradients in fp32, and sums them in bf16.
BOOST_AUTO_TEST_CASE(sums_in_the_working_dtype_in_stage_2_whatever_it_is_asked) {
  const DeepSpeedRun asked(bf16_2_fp32_sums), plain(bf16_2);
  for (const ParameterDescription& p : any_scenario().model.parameters)
    for (int step = 0; step < steps; ++step)
      for (const char* what : {"reduced/", "master/"})
        BOOST_TEST(asked.of_step(step, what + p.name).values ==
                   plain.of_step(step, what + p.name).values);
}

BOOST_AUTO_TEST_CASE(updates_by_our_adamw_but_for_the_step_at_construction) {
  for (const DeepSpeedCase& of : deepspeed_ran) {
    const int extra_steps = of.stepped_at_construction ? 1 : 0;
    BOOST_TEST(adamw_excess(of, extra_steps) <= 1, of);
    BOOST_TEST(adamw_excess(of, 1 - extra_steps) > 1000, of);
    BOOST_TEST(DeepSpeedRun(of).scalar(0, "adam_step") == 1 + extra_steps, of);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
