#include "real/run/inputs.hpp"

#include <cmath>

#include "real/run/learning_rate.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

Inputs::Inputs(const Scenario& scenario)
    : training_(scenario.training), initial_(scenario), batches_(scenario) {}

std::vector<double> Inputs::parameter(const std::string& name, const Region& region) const {
  return initial_.parameter(name, region);
}

std::vector<std::byte> Inputs::state(const std::string& name,
                                     std::span<const Region> regions) const {
  SHARDPROOF_EXPECTS(initial_.checkpoint() != nullptr, name);
  return initial_.checkpoint()->read(name, regions);
}

std::vector<std::int64_t> Inputs::tokens(StepIndex step, MicroStep micro, GroupRank dp) const {
  return batches_.tokens(step, micro, dp.value);
}

double Inputs::scalar(const std::string& name, int updates) const {
  const int k = updates + 1;
  if (name == "learning_rate") return real::learning_rate(training_, updates);
  if (name == "bias_correction1") return 1.0 - std::pow(training_.optimizer.beta1, k);
  const double correction2 = 1.0 - std::pow(training_.optimizer.beta2, k);
  if (name == "bias_correction2") return correction2;
  // As Python writes it, "** 0.5", which need not be the nearest number to the root.
  if (name == "bias_correction2_root") return std::pow(correction2, 0.5);
  SHARDPROOF_EXPECTS(false, "unknown scalar", name);
  return 0;
}

}  // namespace shardproof::real
