#pragma once

#include <map>
#include <string>

#include "reference/ops/tensor.hpp"
#include "scenarios/settings/optimizer.hpp"
#include "scenarios/types.hpp"

namespace shardproof::reference {

/// One parameter's fp64 state. Its moments are those of
/// scenarios/config/deepspeed/optimizer_names.hpp, and take room from the first update on: before
/// it they are zero, and empty here.
struct OptimizerState {
  Tensor master;
  std::map<std::string, Tensor> moments;

  OptimizerState(Tensor initial, const OptimizerConfig& config);
};

/// accumulated (D, *shape) -> (*shape): the mean over the batch groups.
Tensor mean_over_groups(Tensor accumulated);

/// Square root of the sum of squares over all elements of all gradients.
double global_norm(const std::map<std::string, Tensor>& gradients);

/// 1 / max((norm + 1e-6) / clip, 1); 1 if clip is 0 (off). Source: spec-autotp 7.8.
double clip_factor(double norm, double clip);

/// 1 - beta^(step + 1): undoes the bias of moments that start at zero.
double bias_correction(double beta, StepIndex step);
/// Its square root, by the power that torch takes it with.
double bias_correction_root(double beta, StepIndex step);

/// One update of master and moments by g = factor * gradient, with learning rate lr.
///
/// AdamW, Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2:
///   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2,
///   p <- p - lr * ((m / c1) / (sqrt(v / c2) + eps) + weight_decay * p).
/// Adam (the same, "with L2 regularization") and SGD take d = g + weight_decay p for g. Adam then
/// has no decay of its own; SGD, with momentum b as torch.optim.SGD without dampening:
///   b <- momentum b + d,   p <- p - lr b, or in Nesterov's form p - lr (d + momentum b).
void optimizer_step(OptimizerState& state, const Tensor& gradient, double factor,
                    const OptimizerConfig& config, double lr, StepIndex step);

}  // namespace shardproof::reference
