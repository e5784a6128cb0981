#include "reference/models/stretches.hpp"

namespace shardproof::reference {

namespace {

// The last node that takes each tensor; of one that nobody takes, 0.
std::vector<std::size_t> last_uses(const Graph& graph) {
  std::vector<std::size_t> last(graph.tensors().size(), 0);
  for (std::size_t n = 0; n < graph.nodes().size(); ++n)
    for (const Value input : graph.nodes()[n].inputs) last[input.index] = n;
  return last;
}

}  // namespace

std::vector<Stretch> stretches_of(const Graph& graph) {
  const std::vector<Node>& nodes = graph.nodes();
  const std::vector<std::size_t> last = last_uses(graph);
  std::vector<int> begins(nodes.size() + 1, 0), ends(nodes.size() + 1, 0);
  for (std::size_t n = 0; n < nodes.size(); ++n)
    for (const Value output : nodes[n].outputs)
      if (graph.tensor(output).kind == GraphTensor::Kind::forward && last[output.index] > n) {
        ++begins[n];
        ++ends[last[output.index]];
      }
  std::vector<Stretch> stretches;
  int handed_on = 0;
  for (std::size_t begin = 0, n = 0; n < nodes.size(); ++n) {
    handed_on += begins[n] - ends[n];
    if (handed_on > 1 && n + 1 < nodes.size()) continue;
    stretches.push_back({begin, n + 1});
    begin = n + 1;
  }
  return stretches;
}

Readers readers_of(const Graph& graph, const std::vector<Stretch>& stretches) {
  const std::vector<std::size_t> none(graph.tensors().size(), Readers::nobody);
  Readers readers{none, none};
  for (std::size_t s = 0; s < stretches.size(); ++s)
    for (std::size_t n = stretches[s].begin; n < stretches[s].end; ++n)
      for (const Value input : graph.nodes()[n].inputs) {
        if (readers.first[input.index] == Readers::nobody) readers.first[input.index] = s;
        readers.last[input.index] = s;
      }
  return readers;
}

}  // namespace shardproof::reference
