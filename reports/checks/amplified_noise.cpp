#include "reports/checks/amplified_noise.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

// Kingma & Ba 2015, arXiv:1412.6980, section 2.1: no step is larger than the learning rate, or than
// (1 - beta1) / (1 - beta2)^(1/2) of it.
double AmplifiedNoise::largest_step(double noise) const {
  const double sparse = (1 - optimizer_.beta1) / std::sqrt(1 - optimizer_.beta2);
  return std::min(noise / optimizer_.epsilon, std::max(1.0, sparse));
}

const std::vector<double>& AmplifiedNoise::after(const std::string& parameter, const Step& step) {
  SHARDPROOF_EXPECTS(step.got.size() == step.expected.size(), parameter);
  std::vector<double>& apart = apart_[parameter];
  apart.resize(step.got.size());
  const double noise = rounding_ * step.norm;
  for (std::size_t i = 0; i < apart.size(); ++i) {
    const double larger = std::max(std::fabs(step.got[i]), std::fabs(step.expected[i]));
    if (larger > 0 && larger <= noise) apart[i] += 2 * step.learning_rate * largest_step(noise);
  }
  return apart;
}

}  // namespace shardproof::reports
