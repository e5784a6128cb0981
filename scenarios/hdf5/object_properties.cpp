#include "scenarios/hdf5/object_properties.hpp"

#include "scenarios/hdf5/hdf5_call.hpp"

namespace shardproof::hdf5 {

Handle new_property_list(hid_t kind) { return owned(H5Pcreate(kind), "H5Pcreate"); }

Handle make_object_properties(hid_t kind) {
  Handle list = new_property_list(kind);
  check(H5Pset_obj_track_times(list.id(), false), "H5Pset_obj_track_times");
  check(H5Pset_attr_phase_change(list.id(), 65535, 0), "H5Pset_attr_phase_change");
  return list;
}

Handle make_group_properties(hid_t kind) {
  Handle list = make_object_properties(kind);
  check(H5Pset_link_creation_order(list.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
        "H5Pset_link_creation_order");
  return list;
}

}  // namespace shardproof::hdf5
