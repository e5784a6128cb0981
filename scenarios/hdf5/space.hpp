#pragma once

#include "scenarios/hdf5/handle.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::hdf5 {

/// A dataspace of this shape; of {}, that of a scalar.
Handle space_of(const Shape& shape);
/// Selects a box of a dataspace, which is not a scalar's.
void select(const Handle& space, const Region& region);

}  // namespace shardproof::hdf5
