#include "reports/traces/assembled_tensor.hpp"

#include <algorithm>
#include <tuple>

#include "reports/values/recorded_numbers.hpp"

namespace shardproof::reports {

namespace {

/// Copies that do not overlap, the nearest first: a tensor that is whole on every TP rank may be
/// stored in other parts by each, where uneven cuts of its neighbours in a flat vector move it.
std::vector<const StoredDataset*> chosen_copies(const TraceReader& reader, const std::string& path,
                                                int seen_by) {
  const auto found = reader.datasets().find(path);
  if (found == reader.datasets().end()) return {};
  const int tp = std::max(1, reader.header().tp);
  const auto distance = [&](const StoredDataset* copy) {
    return std::tuple(copy->rank != seen_by, copy->rank % tp != seen_by % tp, copy->rank);
  };
  std::vector<const StoredDataset*> nearest_first;
  for (const StoredDataset& copy : found->second) nearest_first.push_back(&copy);
  std::sort(nearest_first.begin(), nearest_first.end(),
            [&](const auto* a, const auto* b) { return distance(a) < distance(b); });

  std::vector<const StoredDataset*> chosen;
  for (const StoredDataset* copy : nearest_first)
    if (std::none_of(chosen.begin(), chosen.end(), [&](const StoredDataset* other) {
          return overlap(other->info.regions, copy->info.regions);
        }))
      chosen.push_back(copy);
  // In the order of their places, whoever looks: equal copies make equal keys.
  std::stable_sort(chosen.begin(), chosen.end(), [](const auto* a, const auto* b) {
    const auto place = [](const StoredDataset* copy) {
      return copy->info.regions.empty() ? Shape{} : copy->info.regions.front().offset;
    };
    return place(a) < place(b);
  });
  return chosen;
}

std::string problem_of(const std::vector<const StoredDataset*>& copies, const std::string& path,
                       const std::vector<Region>& absent) {
  if (copies.empty()) return path + " is not recorded";
  const DatasetInfo& first = copies.front()->info;
  std::vector<Region> regions = absent;
  for (const StoredDataset* copy : copies) {
    if (copy->info.full_shape != first.full_shape || copy->info.dtype != first.dtype)
      return path + " has another shape or dtype on rank " + std::to_string(copy->rank);
    regions.insert(regions.end(), copy->info.regions.begin(), copy->info.regions.end());
  }
  if (!tiles_exactly(regions, first.full_shape))
    return path + " is not covered exactly by what the ranks recorded";
  return "";
}

AssembledView put_together(const TraceReader& reader, const std::string& path,
                           std::vector<const StoredDataset*> copies,
                           const std::vector<Region>& absent) {
  AssembledView view;
  view.problem = problem_of(copies, path, absent);
  view.absent = element_count(absent);
  if (!view.problem.empty()) return view;
  const DatasetInfo& first = copies.front()->info;
  auto elements = std::make_shared<TensorView>(first.dtype, first.full_shape);
  for (const StoredDataset* copy : copies) {
    const SharedSource source = stored(reader, *copy);
    std::size_t begin = 0;
    for (const Region& region : copy->info.regions) {
      elements->add(runs_of(region, first.full_shape), source, begin);
      begin += static_cast<std::size_t>(element_count(region)) * size_bytes(first.dtype);
    }
  }
  view.elements = std::move(elements);
  view.copies = std::move(copies);
  return view;
}

}  // namespace

AssembledView assembled_view(const TraceReader& reader, const std::string& path, int seen_by) {
  return put_together(reader, path, chosen_copies(reader, path, seen_by), {});
}

AssembledTensor assemble(const TraceReader& reader, const std::string& path, int seen_by) {
  const AssembledView view = assembled_view(reader, path, seen_by);
  AssembledTensor tensor;
  tensor.problem = view.problem;
  if (view.elements == nullptr) return tensor;
  for (const StoredDataset* copy : view.copies) reader.check(*copy);
  tensor.shape = view.elements->shape();
  tensor.dtype = view.elements->dtype();
  tensor.bytes.resize(view.elements->bytes());
  view.elements->read_range(0, tensor.bytes);
  tensor.values.resize(static_cast<std::size_t>(view.elements->elements()));
  decode_recorded(tensor.dtype, tensor.bytes, tensor.values);
  return tensor;
}

AssembledView assembled_rows(const TraceReader& reader, const std::string& path,
                             const reference::RoutedRows& rows, int seen_by) {
  std::vector<const StoredDataset*> copies = chosen_copies(reader, path, seen_by);
  const auto absent = copies.empty()
                          ? std::optional(std::vector<Region>{})
                          : absent_rows(reader, copies.front()->info.full_shape, rows, seen_by);
  if (absent) return put_together(reader, path, std::move(copies), *absent);
  AssembledView view;
  view.problem = rows.selected + ", which says what rows " + path + " has, is not recorded";
  return view;
}

std::optional<std::vector<Region>> absent_rows(const TraceReader& reader, const Shape& shape,
                                               const reference::RoutedRows& rows, int seen_by) {
  const AssembledTensor selected = assemble(reader, rows.selected, seen_by);
  if (!selected.problem.empty()) return std::nullopt;
  const auto of_group = static_cast<std::ptrdiff_t>(selected.values.size()) / rows.groups;
  std::vector<Region> absent;
  for (std::int64_t group = 0; group < rows.groups; ++group) {
    const auto first = selected.values.begin() + group * of_group;
    const std::int64_t count =
        std::count(first, first + of_group, static_cast<double>(rows.expert));
    Region region = whole(shape);
    region.offset[0] = group * rows.rows + count;
    region.extent[0] = rows.rows - count;
    if (region.extent[0] > 0) absent.push_back(std::move(region));
  }
  return absent;
}

std::string assembly_key(const TraceReader& reader, const std::string& path, int seen_by) {
  return assembly_key(chosen_copies(reader, path, seen_by));
}

std::string assembly_key(const std::vector<const StoredDataset*>& copies) {
  std::string key;
  for (const StoredDataset* copy : copies) {
    if (key.empty())
      key = std::string(name_of(copy->info.dtype)) + to_string(copy->info.full_shape);
    for (const Region& region : copy->info.regions) key += to_string(region);
    key += "=" + std::to_string(copy->info.hash) + ";";
  }
  return key;
}

}  // namespace shardproof::reports
