#include "reports/traces/as_stored.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "scenarios/data/region_runs.hpp"

namespace shardproof::reports {

namespace {

constexpr std::int64_t elements_at_once = 1 << 16;

// Of the elements from `first` on, so many as `values` has.
void read(const TensorView& tensor, std::int64_t first, Bytes& bytes, std::vector<double>& values) {
  bytes.resize(values.size() * size_bytes(tensor.dtype()));
  tensor.read_range(first, bytes);
  decode(tensor.dtype(), bytes, values);
}

}  // namespace

void for_each_range(const TensorView& tensor,
                    const std::function<void(std::span<const double>)>& visit) {
  Bytes bytes;
  std::vector<double> values;
  for (std::int64_t first = 0; first < tensor.elements(); first += elements_at_once) {
    values.resize(static_cast<std::size_t>(std::min(elements_at_once, tensor.elements() - first)));
    read(tensor, first, bytes, values);
    visit(values);
  }
}

void for_each_range(
    const TensorView& a, const TensorView& b,
    const std::function<void(std::span<const double>, std::span<const double>)>& visit) {
  Bytes bytes;
  std::vector<double> x, y;
  for (std::int64_t first = 0; first < a.elements(); first += elements_at_once) {
    x.resize(static_cast<std::size_t>(std::min(elements_at_once, a.elements() - first)));
    y.resize(x.size());
    read(a, first, bytes, x);
    read(b, first, bytes, y);
    visit(x, y);
  }
}

SharedTensor as_stored(const SharedTensor& tensor, const StoredDataset& dataset) {
  const std::vector<Region>& regions = dataset.info.regions;
  auto elements = std::make_shared<TensorView>(tensor->dtype(), Shape{element_count(regions)});
  const SharedSource source = bytes_of(tensor);
  std::int64_t at = 0;
  for (const Region& region : regions)
    for (const Run& run : runs_of(region, tensor->shape())) {
      const Run here{at, run.count};
      elements->add(std::span(&here, 1), source,
                    static_cast<std::size_t>(run.first) * size_bytes(tensor->dtype()));
      at += run.count;
    }
  return elements;
}

SharedTensor stored_elements(const TraceReader& reader, const StoredDataset& dataset) {
  return tensor_in(dataset.info.dtype, {element_count(dataset.info.regions)},
                   stored(reader, dataset));
}

}  // namespace shardproof::reports
