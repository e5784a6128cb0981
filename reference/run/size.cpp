#include "reference/run/size.hpp"

#include <algorithm>
#include <vector>

#include "reference/models/families.hpp"
#include "reference/models/stretches.hpp"
#include "scenarios/config/deepspeed/optimizer_names.hpp"

namespace shardproof::reference {

namespace {

// Kept beyond their stretch, and inside of the largest one: its tensors and their gradients.
std::int64_t activations(const Graph& graph) {
  const std::vector<Stretch> stretches = stretches_of(graph);
  const Readers readers = readers_of(graph, stretches);
  std::int64_t kept = 0, largest = 0;
  for (std::size_t s = 0; s < stretches.size(); ++s) {
    std::int64_t own = 0;
    for (std::size_t n = stretches[s].begin; n < stretches[s].end; ++n)
      for (const Value output : graph.nodes()[n].outputs) {
        const std::int64_t elements = element_count(graph.shape(output));
        const std::size_t last = readers.last[output.index];
        if (last != Readers::nobody && last > s) kept += elements;
        own += 2 * elements;
      }
    largest = std::max(largest, own);
  }
  return kept + largest;
}

// At the end of a backward pass, and at the end of an update. Moments begin with the first update,
// and a gradient ends with its own.
std::int64_t of_training(const Task& task, std::int64_t weights, std::int64_t largest) {
  const std::int64_t moments = std::ssize(state_names(task.training.optimizer));
  const bool goes_on = task.steps - task.first_step > 1 || !task.resume.empty();
  const std::int64_t gradients = task.replicas * (weights + largest);
  const std::int64_t backward = weights * (goes_on ? 1 + moments : 1) + gradients;
  const std::int64_t update = weights * (1 + moments) + (goes_on ? weights : largest);
  return std::max(backward, update);
}

struct Weights {
  std::int64_t count = 0, elements = 0, largest = 0;

  explicit Weights(const std::vector<ParameterDescription>& parameters) {
    for (const ParameterDescription& parameter : parameters) {
      const std::int64_t size = element_count(parameter.shape);
      ++count;
      elements += size;
      largest = std::max(largest, size);
    }
  }
};

// Of one micro-step, or of one forward pass.
void add_activations(const Task& task, const Graph& graph, std::int64_t times,
                     ReferenceSize& size) {
  const bool fp64 = task.training.working == Dtype::fp64;
  std::vector<bool> own(graph.tensors().size());
  if (graph.has_loss()) own = gradient_flow(graph).own;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (graph.tensors()[i].kind != GraphTensor::Kind::forward) continue;
    const std::int64_t tensors = times * (own[i] ? 2 : 1);
    size.trace_tensors += tensors;
    size.trace_bytes += tensors * element_count(graph.tensors()[i].shape) * (fp64 ? 8 : 4);
  }
}

// The weights as they are read; in each step their gradients, masters, moments and themselves, and
// four scalars.
void add_state(const Task& task, std::int64_t steps, ReferenceSize& size) {
  const Weights all(task.model.stored()), trained(task.model.parameters);
  const bool trains = task.trains();
  const std::int64_t of_each = trains ? 3 + std::ssize(state_names(task.training.optimizer)) : 0;
  const std::int64_t scalars = trains ? 4 : 0;
  size.trace_tensors += all.count + steps * (of_each * trained.count + scalars);
  size.trace_bytes += 8 * (all.elements + steps * (of_each * trained.elements + scalars));
}

}  // namespace

ReferenceSize size_of_reference(const Task& task) {
  const Graph graph = graph_of(task);
  const Weights weights(task.model.stored());
  const std::int64_t steps = task.steps - task.first_step;
  ReferenceSize size;
  size.memory_bytes = 8 * (activations(graph) +
                           (task.trains() ? of_training(task, weights.elements, weights.largest)
                                          : weights.elements + weights.largest));
  add_activations(task, graph, steps * (task.trains() ? task.training.accumulation : 1), size);
  add_state(task, steps, size);
  return size;
}

}  // namespace shardproof::reference
