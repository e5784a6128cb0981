#include "scenarios/hdf5/group.hpp"

#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/object_properties.hpp"

namespace shardproof::hdf5 {

namespace {

// Made once: they never change.
hid_t group_properties() {
  static const hid_t list = H5Pcopy(make_group_properties(H5P_GROUP_CREATE).id());
  return list;
}

herr_t append_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

Handle create_group(const Handle& parent, const std::string& name) {
  return owned(H5Gcreate2(parent.id(), name.c_str(), H5P_DEFAULT, group_properties(), H5P_DEFAULT),
               "H5Gcreate2", parent.id());
}

Handle open_group(const Handle& parent, const std::string& name) {
  return owned(H5Gopen2(parent.id(), name.c_str(), H5P_DEFAULT), "H5Gopen2", parent.id());
}

Handle open_object(const Handle& parent, const std::string& name) {
  const hid_t id = H5Oopen(parent.id(), name.c_str(), H5P_DEFAULT);
  if (id < 0) fail_on(parent.id(), ("H5Oopen of '" + name + "'").c_str());
  return Handle(id);
}

bool is_group(const Handle& object) { return H5Iget_type(object.id()) == H5I_GROUP; }

bool has_link(const Handle& parent, const std::string& name) {
  return check(H5Lexists(parent.id(), name.c_str(), H5P_DEFAULT), "H5Lexists", parent.id()) > 0;
}

std::vector<std::string> names_in(const Handle& group) {
  std::vector<std::string> names;
  // Not H5_ITER_INC: HDF5 1.10.8 then lists the links before it visits them, and if a damaged one
  // stops it, frees that list beyond what it has filled.
  check(H5Literate(group.id(), H5_INDEX_CRT_ORDER, H5_ITER_NATIVE, nullptr, append_name, &names),
        "H5Literate", group.id());
  return names;
}

}  // namespace shardproof::hdf5
