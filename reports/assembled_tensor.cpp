#include "reports/assembled_tensor.hpp"

#include <algorithm>
#include <tuple>

namespace shardproof::reports {

namespace {

/// One copy of each distinct piece of the tensor, in the order of the ranks that hold it first.
std::vector<const StoredDataset*> chosen_copies(const TraceReader& reader, const std::string& path,
                                                int seen_by) {
  std::vector<const StoredDataset*> chosen;
  const auto found = reader.datasets().find(path);
  if (found == reader.datasets().end()) return chosen;
  const int tp = std::max(1, reader.header().tp);
  const auto distance = [&](const StoredDataset& copy) {
    return std::tuple(copy.rank != seen_by, copy.rank % tp != seen_by % tp, copy.rank);
  };
  for (const StoredDataset& copy : found->second) {
    const auto same = std::find_if(chosen.begin(), chosen.end(), [&](const StoredDataset* other) {
      return other->info.regions == copy.info.regions;
    });
    if (same == chosen.end())
      chosen.push_back(&copy);
    else if (distance(copy) < distance(**same))
      *same = &copy;
  }
  return chosen;
}

std::string problem_of(const std::vector<const StoredDataset*>& copies, const std::string& path) {
  if (copies.empty()) return path + " is not recorded";
  const DatasetInfo& first = copies.front()->info;
  std::vector<Region> regions;
  for (const StoredDataset* copy : copies) {
    if (copy->info.full_shape != first.full_shape || copy->info.dtype != first.dtype)
      return path + " has another shape or dtype on rank " + std::to_string(copy->rank);
    regions.insert(regions.end(), copy->info.regions.begin(), copy->info.regions.end());
  }
  if (!tiles_exactly(regions, first.full_shape))
    return path + " is not covered exactly by what the ranks recorded";
  return "";
}

}  // namespace

AssembledTensor assemble(const TraceReader& reader, const std::string& path, int seen_by) {
  const std::vector<const StoredDataset*> copies = chosen_copies(reader, path, seen_by);
  AssembledTensor tensor;
  tensor.problem = problem_of(copies, path);
  if (!tensor.problem.empty()) return tensor;
  tensor.shape = copies.front()->info.full_shape;
  tensor.dtype = copies.front()->info.dtype;
  const auto count = static_cast<std::size_t>(element_count(tensor.shape));
  const std::size_t size = size_bytes(tensor.dtype);
  tensor.bytes.resize(count * size);
  for (const StoredDataset* copy : copies)
    scatter(reader.read(*copy), copy->info.regions, tensor.shape, size, tensor.bytes);
  tensor.values.resize(count);
  decode(tensor.dtype, tensor.bytes, tensor.values);
  return tensor;
}

std::string assembly_key(const TraceReader& reader, const std::string& path, int seen_by) {
  std::string key;
  for (const StoredDataset* copy : chosen_copies(reader, path, seen_by)) {
    if (key.empty())
      key = std::string(name_of(copy->info.dtype)) + to_string(copy->info.full_shape);
    for (const Region& region : copy->info.regions) key += to_string(region);
    key += "=" + std::to_string(copy->info.hash) + ";";
  }
  return key;
}

}  // namespace shardproof::reports
