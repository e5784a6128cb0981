#pragma once

#include <cstdint>

#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

/// An empty list of properties of this kind (an H5P_... class).
Handle new_property_list(std::int64_t kind);
/// Properties for new objects: no times, and all attributes in the object's header, which has a
/// checksum; HDF5 would move many to a heap, where large ones have none.
Handle make_object_properties(std::int64_t kind);
/// The same of groups and files, with links in order of creation.
Handle make_group_properties(std::int64_t kind);

}  // namespace shardproof::hdf5
