#pragma once

#include <functional>
#include <string>

#include "reference/models/graph.hpp"
#include "reference/ops/tensor.hpp"
#include "scenarios/checkpoint/initial_state.hpp"
#include "scenarios/data/batches.hpp"
#include "scenarios/settings/task.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

/// Told after every micro-step and, with micro = -1, after every step.
using Progress = std::function<void(const Moment&)>;

/// What training and inference have in common: the graph, the tokens, and the trace that is written
/// in `folder`.
class RecordedRun {
 public:
  RecordedRun(const Task& task, const TraceHeader& header, const std::string& folder,
              const Progress& progress);

  const Graph& graph() const { return graph_; }
  /// A parameter as the run begins, rounded to the working dtype; recorded as /initial/parameter/P.
  Tensor initial_parameter(const ParameterDescription& parameter);
  /// What else the run begins with, if it goes on from a checkpoint.
  const InitialState& initial() const { return initial_; }
  /// The micro-batches of all replicas, one after another: (D * B, T).
  Tokens tokens(StepIndex step, MicroStep micro) const;
  void record(const Moment& moment, const std::string& name, const Tensor& tensor,
              Dtype dtype = Dtype::fp64);
  /// Activations are most of the trace. Beside a run that is not fp64 they are only looked at, and
  /// fp32 shows all that there is to see.
  void record_activation(const Moment& moment, const std::string& name, const Tensor& tensor);
  void report(const Moment& moment) const;
  void end_step(StepIndex step);
  void close() { writer_.close(); }

 private:
  const Task& task_;
  const Progress& progress_;
  Graph graph_;
  Batches batches_;
  InitialState initial_;
  TraceWriter writer_;
};

}  // namespace shardproof::reference
