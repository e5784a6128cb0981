#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "scenarios/settings/optimizer.hpp"

namespace shardproof::reports {

/// What Adam makes of gradients that are zero but for rounding.
///
/// A bias of keys that are not turned adds the same to all scores of a query, and softmax does not
/// see it: its gradient is zero, and what is computed is what rounding left. Adam divides by the
/// size of the gradients, so that this rounding moves weights by as much as the learning rate, in
/// the engine otherwise than in the reference, and neither is wrong.
///
///   gradient   norm    eps     a step may move it by
///   3e-18      0.5     1e-8    lr * 7e-15 / 1e-8     of sums of 64 terms: noise is below 7e-15
///   3e-18      0.5     1e-16   lr                    Adam's steps are no larger
///   2e-12      0.5     1e-8    nothing               it can be told from zero
class AmplifiedNoise {
 public:
  /// `rounding`: how far a gradient may be from the exact one, as a part of the norm of all.
  AmplifiedNoise(const OptimizerConfig& optimizer, double rounding)
      : optimizer_(optimizer), rounding_(rounding) {}

  struct Step {
    double norm;                            // of all gradients
    double learning_rate;                   // of this step
    std::span<const double> got, expected;  // exp_avg of both sides after it
  };
  /// By how much each element of a parameter may be apart, of this step and those before: 0 where
  /// exp_avg of either side can be told from zero, or is zero in both.
  const std::vector<double>& after(const std::string& parameter, const Step& step);

 private:
  double largest_step(double noise) const;

  const OptimizerConfig& optimizer_;
  double rounding_;
  std::map<std::string, std::vector<double>> apart_;
};

}  // namespace shardproof::reports
