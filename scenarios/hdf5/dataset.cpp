#include "scenarios/hdf5/dataset.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/object_properties.hpp"
#include "scenarios/hdf5/space.hpp"
#include "scenarios/hdf5/types.hpp"

namespace shardproof::hdf5 {

namespace {

Handle make_dataset_properties() {
  Handle list = make_object_properties(H5P_DATASET_CREATE);
  check(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
  check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  return list;
}

// Made once: they never change.
hid_t dataset_properties() {
  static const hid_t list = H5Pcopy(make_dataset_properties().id());
  return list;
}

}  // namespace

Handle create_dataset(const Handle& parent, const std::string& name, const Handle& type,
                      const Shape& shape) {
  return owned(H5Dcreate2(parent.id(), name.c_str(), type.id(), space_of(shape).id(), H5P_DEFAULT,
                          dataset_properties(), H5P_DEFAULT),
               "H5Dcreate2", parent.id());
}

Handle open_dataset(const Handle& parent, const std::string& path) {
  return owned(H5Dopen2(parent.id(), path.c_str(), H5P_DEFAULT), "H5Dopen2", parent.id());
}

void write_dataset(const Handle& dataset, const Handle& type, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), "H5Dwrite",
        dataset.id());
}

Shape shape_of(const Handle& dataset) {
  const Handle space = owned(H5Dget_space(dataset.id()), "H5Dget_space", dataset.id());
  const int dims =
      check(H5Sget_simple_extent_ndims(space.id()), "H5Sget_simple_extent_ndims", dataset.id());
  std::vector<hsize_t> extent(static_cast<std::size_t>(dims));
  check(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), "H5Sget_simple_extent_dims",
        dataset.id());
  return {extent.begin(), extent.end()};
}

bool has_type(const Handle& dataset, const Handle& type) {
  const Handle stored = owned(H5Dget_type(dataset.id()), "H5Dget_type", dataset.id());
  return check(H5Tequal(stored.id(), type.id()), "H5Tequal", dataset.id()) > 0;
}

void read_dataset(const Handle& dataset, const Handle& type, std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  check(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), "H5Dread",
        dataset.id());
}

void read_box(const Handle& dataset, const Handle& type, const Region& box,
              std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  if (box.extent.empty()) return read_dataset(dataset, type, bytes);  // no box selects a scalar
  const Handle file_space = owned(H5Dget_space(dataset.id()), "H5Dget_space", dataset.id());
  select(file_space, box);
  const Handle memory_space = space_of({element_count(box)});
  check(H5Dread(dataset.id(), type.id(), memory_space.id(), file_space.id(), H5P_DEFAULT,
                bytes.data()),
        "H5Dread", dataset.id());
}

std::optional<std::uint64_t> offset_in_file(const Handle& dataset) {
  // Undefined where it is in chunks, virtual, compact, or in another file.
  const haddr_t offset = H5Dget_offset(dataset.id());
  return offset == HADDR_UNDEF ? std::nullopt : std::optional<std::uint64_t>(offset);
}

Handle write_long_text(const Handle& parent, const std::string& name, const std::string& text) {
  const Handle type = text_type(std::max<std::size_t>(text.size(), 1));
  Handle dataset = create_dataset(parent, name, type, {});
  const std::string stored = text.empty() ? std::string(1, '\0') : text;
  write_dataset(dataset, type, std::as_bytes(std::span(stored)));
  return dataset;
}

std::string read_long_text(const Handle& dataset) {
  const Handle type = owned(H5Dget_type(dataset.id()), "H5Dget_type", dataset.id());
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0) {
    throw EnvironmentError(file_of(dataset.id()) + ": a dataset is not a fixed string");
  }
  std::string text(H5Tget_size(type.id()), '\0');
  read_dataset(dataset, type, std::as_writable_bytes(std::span(text)));
  return text.c_str();
}

}  // namespace shardproof::hdf5
