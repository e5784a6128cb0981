#include "reports/witness/saved_checkpoint.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

Shape shape_from(const JsonValue& list) {
  Shape shape;
  for (const JsonValue& extent : list.elements) shape.push_back(extent.integer);
  return shape;
}

const JsonValue& member(const JsonValue& object, const std::string& key, const std::string& path) {
  const JsonValue* found = object.find(key);
  if (found == nullptr) throw ScenarioError({path}, "does not tell \"" + key + "\"");
  return *found;
}

}  // namespace

SavedCheckpoint::SavedCheckpoint(const std::string& folder)
    : path_(folder), manifest_(read_json(folder + "/manifest.json")) {
  steps_done_ = static_cast<int>(told("steps_done").integer);
  for (const JsonMember& counter : told("counters").members)
    counters_[counter.key] = counter.value.number;
  for (const JsonValue& file : told("files").elements) {
    const auto rank = static_cast<int>(files_.size());
    files_.emplace_back(folder + "/" + member(file, "file", path_).text);
    for (const JsonValue& row : member(file, "tensors", path_).elements) add_part(rank, row);
  }
}

void SavedCheckpoint::add_part(int rank, const JsonValue& row) {
  Part part{rank, {}};
  for (const JsonValue& region : member(row, "regions", path_).elements)
    part.regions.push_back({shape_from(region.elements.at(0)), shape_from(region.elements.at(1))});
  const std::string& name = member(row, "name", path_).text;
  const std::string& told_dtype = member(row, "dtype", path_).text;
  const auto dtype = dtype_from_name(told_dtype);
  if (!dtype) throw ScenarioError({path_}, name + " is of no known dtype: \"" + told_dtype + "\"");
  const Shape shape = shape_from(member(row, "shape", path_));
  Tensor& tensor = tensors_.try_emplace(name, Tensor{*dtype, shape, {}}).first->second;
  if (tensor.dtype != dtype || tensor.shape != shape)
    throw ScenarioError({path_}, name + " is not alike on all ranks");
  tensor.parts.push_back(std::move(part));
}

std::vector<std::byte> SavedCheckpoint::bytes(const std::string& name, const Part& part) const {
  WholeTensor stored = files_.at(static_cast<std::size_t>(part.rank)).tensor(name);
  const Tensor& tensor = tensors_.at(name);
  std::int64_t elements = 0;
  for (const Region& region : part.regions) {
    std::int64_t count = 1;
    for (const std::int64_t extent : region.extent) count *= extent;
    elements += count;
  }
  if (stored.dtype != tensor.dtype ||
      stored.bytes.size() != static_cast<std::size_t>(elements) * size_bytes(tensor.dtype))
    throw ScenarioError({path_}, name + " of rank " + std::to_string(part.rank) +
                                     " is not stored as the manifest says");
  return std::move(stored.bytes);
}

WholeTensor SavedCheckpoint::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw ScenarioError({path_}, "does not hold " + name);
  const Tensor& tensor = found->second;
  std::size_t count = 1;
  for (const std::int64_t extent : tensor.shape) count *= static_cast<std::size_t>(extent);
  WholeTensor whole{tensor.dtype, tensor.shape,
                    std::vector<std::byte>(count * size_bytes(tensor.dtype))};
  std::vector<bool> held(count);
  for (const Part& part : tensor.parts)
    if (!put_in_place(bytes(name, part), part.regions, whole, held))
      throw ScenarioError({path_}, name + ": rank " + std::to_string(part.rank) +
                                       " holds an element with other bits than a lower rank");
  if (std::ranges::count(held, false) > 0)
    throw ScenarioError({path_}, name + ": no rank holds some element of it");
  return whole;
}

int SavedCheckpoint::updates() const {
  const auto found = counters_.find("updates");
  return found == counters_.end() ? 0 : static_cast<int>(found->second);
}

const JsonValue& SavedCheckpoint::told(const std::string& key) const {
  return member(manifest_, key, path_ + "/manifest.json");
}

}  // namespace shardproof::reports
