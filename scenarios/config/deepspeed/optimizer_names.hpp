#pragma once

#include <string>
#include <vector>

#include "scenarios/settings/optimizer.hpp"

namespace shardproof {

/// What an optimizer remembers of a parameter from step to step, beside its master weight, as torch
/// names it. All begin at zero, in the master's dtype and the parameter's shape.
///
///   Adam, AdamW          exp_avg, exp_avg_sq
///   SGD with momentum    momentum_buffer
///   SGD without          nothing
std::vector<std::string> state_names(const OptimizerConfig& optimizer);

/// The tensors that a run keeps of each parameter beside the working weight: "master", and the
/// above.
std::vector<std::string> optimizer_tensors(const OptimizerConfig& optimizer);

/// The scalars that an update takes and that change from step to step: learning_rate, and for
/// Adam and AdamW bias_correction1 and bias_correction2, or of that the root, which torch's form
/// takes.
std::vector<std::string> scalar_names(const OptimizerConfig& optimizer);

}  // namespace shardproof
