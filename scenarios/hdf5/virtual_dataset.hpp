#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::hdf5 {

/// A part of a virtual dataset: `target` of it is shown from `source` of a dataset of another file.
struct Mapping {
  Region target;
  std::string file, path;
  Shape source_shape;
  Region source;
};

/// A dataset that shows the mapped parts of others; what is unmapped or missing reads as `fill`.
Handle create_virtual_dataset(const Handle& parent, const std::string& name, const Handle& type,
                              const Shape& shape, std::span<const Mapping> mappings,
                              std::span<const std::byte> fill);

}  // namespace shardproof::hdf5
