#pragma once

#include <cstdint>

#include "scenarios/settings/task.hpp"

namespace shardproof::reference {

/// What run_reference will take, known from the task alone.
struct ReferenceSize {
  /// At its highest, beside what any process has and what HDF5 keeps of the file it writes:
  /// weights, moments, gradients by batch group, the activations of one stretch of the graph, and
  /// what stretches hand on.
  std::int64_t memory_bytes = 0;
  std::int64_t trace_bytes = 0;  // of all tensors in its trace
  std::int64_t trace_tensors = 0;
};
ReferenceSize size_of_reference(const Task& task);

}  // namespace shardproof::reference
