#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "reference/models/graph.hpp"
#include "reference/ops/tensor.hpp"

namespace shardproof::reference {

/// Weights by Hugging Face name, full shapes.
using Parameters = std::map<std::string, Tensor>;

/// The weight of that name. It stays where it is, as it is, for as long as it is needed.
using WeightOf = std::function<const Tensor&(const std::string& name)>;

/// Who takes what a micro-step computes, as soon as it is whole. A model's activations are more
/// than a machine has: nobody else keeps them.
struct MicroStepSink {
  /// forward/M/R in order of computation, then backward/M/grad_R from last to first, which is the
  /// gradient of `gradient_scale * sum over batch groups of their mean loss` with respect to
  /// forward/M/R. Where a tensor and a sum it enters have the same gradient, it is told once,
  /// under the sum. forward/loss/output (groups) is the unscaled mean loss of each batch group.
  std::function<void(const std::string& name, const Tensor& tensor)> tensor;
  /// By parameter, the batch groups apart: (groups, *shape). Each once.
  std::function<void(const std::string& parameter, Tensor gradient)> gradient = {};
};

/// The forward pass alone: forward/M/R in order of computation. The graph needs no loss.
void run_forward(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
                 const MicroStepSink& sink);

/// One forward and backward pass of the unsharded model: tokens (B, T), as in the graph. Of the
/// forward pass only what one stretch of the graph hands to the next is kept; the rest is computed
/// again, stretch by stretch, when gradients flow back (Griewank & Walther 2008, chapter 12).
void run_micro_step(const Graph& graph, const WeightOf& weights, const Tokens& tokens,
                    const MicroStepSink& sink);

struct NamedTensor {
  std::string name;  // in a micro-step's folder: "forward/model.norm/output"
  Tensor tensor;
};

/// All that a sink is told, kept.
struct MicroStepResult {
  std::vector<NamedTensor> tensors;
  std::map<std::string, Tensor> gradients;
};
MicroStepResult run_micro_step(const Graph& graph, const Parameters& parameters,
                               const Tokens& tokens);

/// The same for the graph of the model's family, the tokens being those of `groups` batch groups.
MicroStepResult run_micro_step(const ModelDescription& model, const Parameters& parameters,
                               const Tokens& tokens, std::int64_t groups, double gradient_scale);

}  // namespace shardproof::reference
