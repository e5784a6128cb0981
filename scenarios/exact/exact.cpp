#include "scenarios/exact/exact.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/exact/grid.hpp"
#include "scenarios/exact/training_step.hpp"

namespace shardproof {

namespace {

constexpr std::uint64_t most_seeds = 100;
// Products that a proof may take, and those of all seeds that are tried: seconds.
constexpr double most_products = 4e9, most_products_in_all = 2e10;

// Of a forward and a backward pass of all tokens through all weights.
double products_of(const Scenario& scenario) {
  double weights = 0;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    weights += static_cast<double>(element_count(parameter.shape));
  const TrainingConfig& training = scenario.training;
  return 3 * weights * static_cast<double>(scenario.data.sequence) * training.micro_batch *
         training.accumulation * scenario.replicas * scenario.steps;
}

std::uint64_t seeds_tried(const Scenario& scenario) {
  const double tries = most_products_in_all / products_of(scenario);
  return static_cast<std::uint64_t>(std::clamp(tries, 1.0, static_cast<double>(most_seeds)));
}

bool is_power_of_two(double value) {
  int exponent = 0;
  return value > 0 && std::frexp(value, &exponent) == 0.5;
}

// What no numbers mend.
std::string unfit(const Scenario& scenario) {
  const TrainingConfig& training = scenario.training;
  const OptimizerConfig& optimizer = training.optimizer;
  const std::int64_t predicted = std::int64_t{training.micro_batch} * (scenario.data.sequence - 1);
  if (!scenario.model.has_number("integer_weights"))
    return "a " + scenario.model.family +
           " model has more than sums of products: expected model_type residual_mlp";
  if (!scenario.trains()) return "a training step is proved: expected mode training";
  if (!scenario.runs(Execution::reference))
    return "the reference has the exact numbers: expected it among executions";
  if (scenario.weights != "generated" || !scenario.resume.empty())
    return "it begins with weights of its own: expected generated ones, and no checkpoint";
  if (training.working == Dtype::fp16)
    return "fp16 has a loss scale and skips steps: expected fp64, fp32 or bf16";
  if (optimizer.kind != OptimizerConfig::Kind::sgd || optimizer.momentum != 0)
    return "other updates than w - lr g round: expected SGD without momentum";
  for (std::size_t group = 0; group <= scenario.parameter_groups.size(); ++group)
    if (weight_decay_of(scenario, group) != 0) return "decay rounds: expected weight_decay 0";
  if (training.scheduler.kind != SchedulerConfig::Kind::constant ||
      !is_power_of_two(optimizer.learning_rate))
    return "each step is multiplied by the learning rate: expected a constant power of two, as "
           "0.25";
  if (training.gradient_clipping != 0) return "clipping rounds: expected gradient_clipping 0";
  if (!is_power_of_two(scenario.replicas) || !is_power_of_two(training.accumulation))
    return "means are taken over replicas and micro-steps: expected powers of two of both";
  if (products_of(scenario) > most_products)
    return "the proof goes through all products, one by one, and these are too many for it: "
           "expected fewer tokens, or a model of a few hundred features";
  if (scenario.data.padding) return "padding has no loss: expected none";
  if (!is_power_of_two(static_cast<double>(predicted)))
    return "a loss is a mean over " + std::to_string(predicted) +
           " predicted tokens: expected a power of two, as with sequence 17";
  return "";
}

}  // namespace

std::string why_not_exact(const Scenario& scenario) {
  if (const std::string reason = unfit(scenario); !reason.empty()) return reason;
  try {
    exact::prove_training(scenario, precision_policy(scenario));
  } catch (const exact::NotExact& found) {
    return found.what;
  }
  return "";
}

void settle_on_exact_seed(Scenario& scenario) {
  if (const std::string reason = unfit(scenario); !reason.empty())
    throw ScenarioError(scenario.exact_place, "exact: " + reason);
  const std::uint64_t given = scenario.seed, tried = seeds_tried(scenario);
  std::string first;
  for (; scenario.seed < given + tried; ++scenario.seed) {
    const std::string reason = why_not_exact(scenario);
    if (reason.empty()) break;
    if (first.empty()) first = reason;
  }
  if (scenario.seed == given + tried)
    throw ScenarioError(scenario.exact_place,
                        "exact: no seed from " + std::to_string(given) + " to " +
                            std::to_string(scenario.seed - 1) +
                            " has exact numbers; of the first, " + first +
                            ". Fewer tokens, layers or steps need fewer bits, fp32 has more than "
                            "bf16");
  if (scenario.seed != given)
    scenario.notices.push_back("exact: seed " + std::to_string(scenario.seed) + " instead of " +
                               std::to_string(given) +
                               ", the first whose numbers are all representable");
}

}  // namespace shardproof
