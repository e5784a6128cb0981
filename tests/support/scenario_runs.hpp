#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "scenarios/partition/partition_rules.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/trace.hpp"
#include "tests/support/sweep.hpp"

namespace shardproof::tests {

/// Another grid, and what tensor parallelism of that degree does with the layers.
inline void lay_out(Scenario& scenario, int tp, int dp) {
  scenario.parallel.tensor_parallel = tp;
  scenario.replicas = dp;
  scenario.partition = resolve_partition(scenario.model, scenario.parallel.partition_rules, tp);
}

/// The same layers cut in the same way on any grid; who wants other cuts changes them afterwards.
struct Grid {
  int tp, dp, zero;
};
inline Scenario on_grid(Scenario scenario, const Grid& grid) {
  scenario.parallel.tensor_parallel = grid.tp;
  scenario.replicas = grid.dp;
  scenario.parallel.zero_stage = grid.zero;
  scenario.name += "-tp" + std::to_string(grid.tp) + "-dp" + std::to_string(grid.dp) + "-zero" +
                   std::to_string(grid.zero);
  return scenario;
}

inline std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The stored bytes of a dataset on a rank.
inline std::vector<std::byte> stored(const TraceReader& reader, const std::string& path, int rank) {
  for (const StoredDataset& dataset : reader.datasets().at(path))
    if (dataset.rank == rank) return reader.read(dataset);
  return {};
}

}  // namespace shardproof::tests
