// DeepSpeed itself, run once on TP 2 x DP 2 (tests/oracle/deepspeed_golden.py), as the witness that
// we model DeepSpeed and not our reading of it. Its run is followed link by link, each link computed
// by our rules from what DeepSpeed had before it; then our own run is laid beside it.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "reference/optimizer.hpp"
#include "scenarios/dtype.hpp"
#include "tests/end_to_end/deepspeed_runs.hpp"

namespace shardproof::tests {
namespace {

constexpr int steps = 2, micro_steps = 2, replicas = 2;

const std::vector<DeepSpeedCase> deepspeed_ran = {{"fp32", 0},       {"fp32", 1}, {"fp32", 2},
                                                  {"bf16", 0, true}, {"bf16", 1}, {"bf16", 2}};
const std::vector<DeepSpeedCase> we_run = {
    {"fp32", 0}, {"fp32", 1}, {"bf16", 0, true}, {"bf16", 1}};

const double u = unit_roundoff(Dtype::fp32);

const OurRun& our_run(const DeepSpeedCase& of) {
  static std::map<std::pair<std::string, int>, OurRun> runs;
  return runs.try_emplace({of.dtype, of.stage}, of).first->second;
}

Scenario any_scenario() {
  const TemporaryFolder folder;
  return scenario_of({"fp32", 0}, folder);
}

Tensor combined(const Tensor& a, const Tensor& b, const auto& rule) {
  Tensor result(a.shape);
  for (std::int64_t i = 0; i < result.size(); ++i) result[i] = rule(a[i], b[i]);
  return result;
}

double norm_of_difference(const Tensor& a, const Tensor& b) {
  SHARDPROOF_EXPECTS(a.shape == b.shape, to_string(a.shape), to_string(b.shape));
  double squares = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

// local[m][d] -> what the optimizer is handed, every sum rounded to the gradients' dtype. Stage 0
// divides by D after its sum over the replicas, stages 1 and 2 before; stage 2 sums over the replicas
// in every micro-step (spec-autotp 7.7.2, 7.7.3).
Tensor reduced_gradient(const DeepSpeedCase& of, const std::vector<std::vector<Tensor>>& local) {
  const auto sum = [&](double a, double b) { return round_to(of.working(), a + b); };
  const auto half = [&](double a) { return round_to(of.working(), a / replicas); };
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
// the update 1 - beta1 and 1 - beta2 are 10 and 20 roundoffs off, for 0.1 and 0.05 are what is left of
// 1 after fl(0.9) and fl(0.95); so are the corrections. With the clipped gradient (2, and the factor
// was observed to within 4), products and sums, and half of it all under the root, a step adds at most
// 100 roundoffs of the moment's terms, taken without their signs.
double adamw_excess(const DeepSpeedCase& of, int extra_steps) {
  const Scenario scenario = any_scenario();
  const OptimizerConfig& adamw = scenario.training.optimizer;
  const DeepSpeedRun run(of);
  const Safetensors initial(deepspeed_folder + "model/model.safetensors");
  double worst = 0;
  for (const ParameterDescription& p : scenario.model.parameters) {
    Tensor weights(p.shape, initial.read(p.name, whole(p.shape)));
    for (double& w : weights.values) w = round_to(of.working(), w);
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

BOOST_AUTO_TEST_SUITE(deepspeed)

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

// Spec-autotp 7.8. Stages 1 and 2 add squares in fp64: what is left is the rounding of norms to fp32
// and two sums over ranks. Stage 0 adds n squares in fp32: at most n roundoffs, halved by the root.
BOOST_AUTO_TEST_CASE(counts_every_parameter_once_in_its_norm) {
  const Scenario scenario = any_scenario();
  double n = 0;
  for (const ParameterDescription& p : scenario.model.parameters)
    n += static_cast<double>(element_count(p.shape));
  for (const DeepSpeedCase& of : deepspeed_ran)
    for (int step = 0; step < steps; ++step) {
      const DeepSpeedRun run(of);
      const double norm = reference::global_norm(reduced_gradients(run, scenario, step));
      const double allowed = (of.stage == 0 ? n / 2 : 8) * u;
      BOOST_TEST(std::abs(run.scalar(step, "norm") / norm - 1) <= allowed, of << ", " << step);
    }
}

BOOST_AUTO_TEST_CASE(clips_by_our_factor_of_the_norm_that_it_reports) {
  const double clip = any_scenario().training.gradient_clipping;
  for (const DeepSpeedCase& of : deepspeed_ran)
    for (int step = 0; step < steps; ++step) {
      const DeepSpeedRun run(of);
      const double factor = reference::clip_factor(run.scalar(step, "norm"), clip);
      BOOST_TEST(factor < 0.5);  // it bites
      BOOST_TEST(std::abs(run.scalar(step, "factor") / factor - 1) <= 4 * u, of << ", " << step);
    }
}

BOOST_AUTO_TEST_CASE(updates_by_our_adamw_but_for_the_step_at_construction) {
  for (const DeepSpeedCase& of : deepspeed_ran) {
    const int extra_steps = of.stepped_at_construction ? 1 : 0;
    BOOST_TEST(adamw_excess(of, extra_steps) <= 1, of);
    BOOST_TEST(adamw_excess(of, 1 - extra_steps) > 1000, of);
    BOOST_TEST(DeepSpeedRun(of).scalar(0, "adam_step") == 1 + extra_steps, of);
  }
}

BOOST_AUTO_TEST_CASE(cuts_weights_and_flat_vectors_as_we_do) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    int cut = 0;
    std::vector<double> owned(4);
    for (const ParameterDescription& p : ours.scenario().model.parameters) {
      std::vector<double> widths;
      for (const StoredDataset& shard : ours.trace().datasets().at("/initial/parameter/" + p.name))
        for (std::size_t axis = 0; axis < p.shape.size(); ++axis)
          if (const std::int64_t width = shard.info.regions.front().extent[axis];
              width != p.shape[axis] && shard.rank < 2)
            widths.push_back(static_cast<double>(width));
      BOOST_TEST(widths == theirs.widths(p.name), p.name);
      cut += !widths.empty();
      for (const StoredDataset& slice :
           ours.trace().datasets().at("/step/000000/optimizer/" + p.name + "/master"))
        for (const Region& region : slice.info.regions)
          owned[static_cast<std::size_t>(slice.rank)] +=
              static_cast<double>(element_count(region.extent));
    }
    BOOST_TEST(cut == 14);                               // seven of each layer
    BOOST_TEST(owned == theirs.partition().values, of);  // a multiple of 2 D: no padding
  }
}

// Two runs of one computation in one dtype err differently, so neither can be asked to equal the
// other, but both can be measured against fp64. Theirs may be off by `eager` times as much as ours:
// PyTorch rounds after each elementary op, our kernels once at their end (docs/decisions/0002), and no
// op of a Llama has more roundings than attention: scores, scaling, mask, softmax, values. Both have
// the same sums. As norms over a tensor, since single elements err by chance.
constexpr double eager = 5;

struct Distances {
  double theirs, ours;
};
Distances distances(const Tensor& theirs, const Tensor& ours, const Tensor& exact) {
  return {norm_of_difference(theirs, exact), norm_of_difference(ours, exact)};
}
void expect_as_close(const Distances& from_exact, const std::string& what) {
  BOOST_TEST(from_exact.theirs <= eager * from_exact.ours, what);
}

Tensor replica(const Tensor& all, int d) {
  Tensor part(Shape(all.shape.begin() + 1, all.shape.end()));
  for (std::int64_t i = 0; i < part.size(); ++i) part[i] = all[d * part.size() + i];
  return part;
}

BOOST_AUTO_TEST_CASE(computes_our_local_gradients) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    for (int m = 0; m < micro_steps; ++m) {
      const std::map<std::string, Tensor> exact = ours.exact_local(m);
      for (const ParameterDescription& p : ours.scenario().model.parameters) {
        const std::string path = "/step/000000/micro/" + std::to_string(m) + "/gradient/" + p.name;
        const Tensor engine = ours.engine(path);
        for (int d = 0; d < replicas; ++d)
          expect_as_close(distances(theirs.local(m, d, p.name), replica(engine, d),
                                    replica(exact.at(p.name), d)),
                          of.dtype + path);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(has_our_gradients_norms_factors_and_weights) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    for (int step = 0; step < steps; ++step) {
      // From the first update on it is another run.
      const bool other_weights = of.stepped_at_construction;
      const bool other_gradients = other_weights && step > 0;
      const std::string folder = "/step/00000" + std::to_string(step) + "/";
      double apart = 0;  // squared distance of all gradients
      for (const ParameterDescription& p : ours.scenario().model.parameters) {
        const Tensor gradient = theirs.of_step(step, "reduced/" + p.name);
        const std::string path = folder + "gradient/" + p.name;
        apart += std::pow(norm_of_difference(gradient, ours.engine(path)), 2);
        if (!other_gradients)
          expect_as_close(distances(gradient, ours.engine(path), ours.exact(path)), path);
        const Distances weights = distances(theirs.of_step(step, "master/" + p.name),
                                            ours.engine(folder + "optimizer/" + p.name + "/master"),
                                            ours.exact(folder + "parameter/" + p.name));
        if (!other_weights) expect_as_close(weights, folder + "parameter/" + p.name);
        if (other_weights && step == 0)  // row 6 shows in every parameter
          BOOST_TEST(weights.theirs > eager * weights.ours, p.name);
      }
      // Norms cannot be further apart than the gradients, nor factors than norms (but for rounding:
      // of norms as above).
      const double norm = ours.engine(folder + "scalar/grad_norm")[0];
      const double rounding = 4944.0 / 2 * u * norm;
      const double between = std::abs(theirs.scalar(step, "norm") - norm);
      BOOST_TEST(between <= std::sqrt(apart) + rounding, of << folder);
      const double factor = ours.engine(folder + "scalar/clip_factor")[0];
      BOOST_TEST(std::abs(theirs.scalar(step, "factor") / factor - 1) <=
                     (between + rounding) / std::min(norm, theirs.scalar(step, "norm")) + 4 * u,
                 of << folder);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
