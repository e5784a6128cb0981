#include "scenarios/hdf5/virtual_dataset.hpp"

#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/object_properties.hpp"
#include "scenarios/hdf5/space.hpp"

namespace shardproof::hdf5 {

Handle create_virtual_dataset(const Handle& parent, const std::string& name, const Handle& type,
                              const Shape& shape, std::span<const Mapping> mappings,
                              std::span<const std::byte> fill) {
  const Handle properties = new_property_list(H5P_DATASET_CREATE);
  check(H5Pset_obj_track_times(properties.id(), false), "H5Pset_obj_track_times");
  check(H5Pset_fill_value(properties.id(), type.id(), fill.data()), "H5Pset_fill_value");
  const Handle space = space_of(shape);
  for (const Mapping& mapping : mappings) {
    const Handle source = space_of(mapping.source_shape);
    select(source, mapping.source);
    select(space, mapping.target);
    check(H5Pset_virtual(properties.id(), space.id(), mapping.file.c_str(), mapping.path.c_str(),
                         source.id()),
          "H5Pset_virtual");
  }
  check(H5Sselect_all(space.id()), "H5Sselect_all");
  return owned(H5Dcreate2(parent.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT,
                          properties.id(), H5P_DEFAULT),
               "H5Dcreate2", parent.id());
}

}  // namespace shardproof::hdf5
