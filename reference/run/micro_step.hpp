#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reference/models/graph.hpp"
#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// Weights by Hugging Face name, full shapes.
using Parameters = std::map<std::string, Tensor>;

struct NamedTensor {
  std::string name;  // in a micro-step's folder: "forward/model.norm/output"
  Tensor tensor;
};

struct MicroStepResult {
  /// forward/M/R in order of computation, then backward/M/grad_R from last to first, which is the
  /// gradient of `gradient_scale * sum over batch groups of their mean loss` with respect to
  /// forward/M/R. Where a tensor and a sum it enters have the same gradient, it is listed once,
  /// under the sum. forward/loss/output (groups) is the unscaled mean loss of each batch group.
  std::vector<NamedTensor> tensors;
  /// By parameter, the batch groups apart: (groups, *shape).
  std::map<std::string, Tensor> gradients;
};

/// The forward pass alone: forward/M/R in order of computation. The graph needs no loss.
std::vector<NamedTensor> run_forward(const Graph& graph, const Parameters& parameters,
                                     const Tokens& tokens);

/// One forward and backward pass of the unsharded model: tokens (B, T), as in the graph.
MicroStepResult run_micro_step(const Graph& graph, const Parameters& parameters,
                               const Tokens& tokens);

/// The same for the graph of the model's family, the tokens being those of `groups` batch groups.
MicroStepResult run_micro_step(const ModelDescription& model, const Parameters& parameters,
                               const Tokens& tokens, std::int64_t groups, double gradient_scale);

}  // namespace shardproof::reference
