#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/partition/partition_plan.hpp"
#include "scenarios/settings/checkpoint.hpp"
#include "scenarios/settings/execution.hpp"
#include "scenarios/settings/injection.hpp"
#include "scenarios/settings/parallel.hpp"
#include "scenarios/settings/reduction_order.hpp"
#include "scenarios/settings/task.hpp"
#include "scenarios/settings/tracing.hpp"

namespace shardproof {

/// One scenario file, read, checked and completed: a task, and how it is divided, run and recorded.
struct Scenario : Task {
  ParallelConfig parallel;
  PartitionPlan partition;  // what TP does with each module; empty if T is 1
  CheckpointConfig checkpoint;
  ReductionOrder reduction = ReductionOrder::ring;
  std::vector<Execution> executions = {Execution::reference, Execution::sim, Execution::real};
  Platform platform = Platform::mpi;  // "real"
  std::string gpu_schedule;           // of simulated GPUs: "latest", ...; "": there are none
  TraceTier trace_tier = TraceTier::full;
  TraceKeep trace_keep = TraceKeep::always;
  std::optional<bool> shadow;  // whether the run has an fp64 shadow; nothing: where it is cheap
  std::vector<Injection> inject;
  std::int64_t timeout_s = 600;
  bool strict = false;      // a suspect fails the run
  bool exact = false;       // all numbers are representable (scenarios/exact/exact.hpp)
  SourcePlace exact_place;  // for errors: of a scenario whose numbers are not
  std::vector<std::string> defaulted, without_effect, filled;  // of the DeepSpeed config, for plan
  std::vector<std::string> notices;  // what a user should know beside the verdict

  int data_parallel() const { return replicas; }
  int world() const { return replicas * parallel.tensor_parallel; }
  bool runs(Execution execution) const;
  /// How many of sim and real run.
  int engines() const;
  /// "everything is fp64 already": why it can have no fp64 shadow, whatever that would cost; "" if
  /// it can.
  std::string why_without_shadow() const;
  /// "precision": "fp64", whatever the DeepSpeed config says: of sums and on wires too.
  void compute_in_fp64();
  /// Whether a trace gets a master, to be viewed by: it has tensors, and stays.
  bool shows_tensors() const {
    return trace_tier == TraceTier::full && trace_keep != TraceKeep::never;
  }
};

}  // namespace shardproof
