#include "scenarios/hdf5/space.hpp"

#include <vector>

#include "scenarios/hdf5/hdf5_call.hpp"

namespace shardproof::hdf5 {

namespace {

std::vector<hsize_t> extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

}  // namespace

Handle space_of(const Shape& shape) {
  if (shape.empty()) return owned(H5Screate(H5S_SCALAR), "H5Screate");
  const auto dims = extents(shape);
  return owned(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
               "H5Screate_simple");
}

void select(const Handle& space, const Region& region) {
  const auto start = extents(region.offset);
  const auto count = extents(region.extent);
  check(
      H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
      "H5Sselect_hyperslab");
}

}  // namespace shardproof::hdf5
