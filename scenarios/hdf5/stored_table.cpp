#include "scenarios/hdf5/stored_table.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/hdf5_call.hpp"
#include "scenarios/hdf5/types.hpp"

namespace shardproof::hdf5 {

namespace {

Handle stage_type() {
  Handle type = owned(H5Tenum_create(H5T_STD_I32LE), "H5Tenum_create");
  constexpr std::array names{"initial", "step", "final"};
  for (std::int32_t value = 0; value < 3; ++value) {
    check(H5Tenum_insert(type.id(), names[static_cast<std::size_t>(value)], &value),
          "H5Tenum_insert");
  }
  return type;
}

Handle list_type(std::size_t length) {
  const hsize_t extent = length;
  return owned(H5Tarray_create2(H5T_STD_I64LE, 1, &extent), "H5Tarray_create2");
}

Handle type_of(const Column& column) {
  switch (column.kind) {
    case Kind::int32: return owned(H5Tcopy(H5T_STD_I32LE), "H5Tcopy");
    case Kind::int64: return owned(H5Tcopy(H5T_STD_I64LE), "H5Tcopy");
    case Kind::uint64: return owned(H5Tcopy(H5T_STD_U64LE), "H5Tcopy");
    case Kind::stage: return stage_type();
    case Kind::text: return text_type(column.bytes);
    case Kind::list: return list_type(column.bytes / sizeof(std::int64_t));
  }
  SHARDPROOF_EXPECTS(false, "unknown kind of column");
  return {};
}

Handle row_type(const Table& table) {
  Handle type = owned(H5Tcreate(H5T_COMPOUND, table.row_bytes), "H5Tcreate");
  for (const Column& column : table.columns) {
    check(H5Tinsert(type.id(), column.name.c_str(), column.offset, type_of(column).id()),
          "H5Tinsert");
  }
  return type;
}

bool is_list(const Handle& type) {
  return H5Tget_array_ndims(type.id()) == 1 &&
         H5Tequal(owned(H5Tget_super(type.id()), "H5Tget_super").id(), H5T_STD_I64LE) > 0;
}

Kind kind_of(const Handle& type) {
  const H5T_class_t kind = H5Tget_class(type.id());
  const std::size_t bytes = H5Tget_size(type.id());
  if (kind == H5T_STRING && H5Tis_variable_str(type.id()) == 0) return Kind::text;
  if (kind == H5T_ENUM && bytes == 4) return Kind::stage;
  if (kind == H5T_INTEGER && bytes == 4) return Kind::int32;
  if (kind == H5T_INTEGER && bytes == 8) {
    return H5Tget_sign(type.id()) == H5T_SGN_NONE ? Kind::uint64 : Kind::int64;
  }
  if (kind == H5T_ARRAY && is_list(type)) return Kind::list;
  throw EnvironmentError("table with a column of an unknown type");
}

Table columns_member_by_member(const Handle& type, std::int64_t context) {
  const int members = check(H5Tget_nmembers(type.id()), "H5Tget_nmembers", context);
  Table table;
  for (unsigned i = 0; i < static_cast<unsigned>(members); ++i) {
    const Handle member = owned(H5Tget_member_type(type.id(), i), "H5Tget_member_type", context);
    char* name = H5Tget_member_name(type.id(), i);
    table.columns.push_back({name == nullptr ? "" : name, kind_of(member),
                             H5Tget_member_offset(type.id(), i), H5Tget_size(member.id())});
    H5free_memory(name);
  }
  table.row_bytes = H5Tget_size(type.id());
  return table;
}

// The bytes by which HDF5 itself stores the type.
std::string encoded(const Handle& type, std::int64_t context) {
  std::size_t size = 0;
  check(H5Tencode(type.id(), nullptr, &size), "H5Tencode", context);
  std::string bytes(size, '\0');
  check(H5Tencode(type.id(), bytes.data(), &size), "H5Tencode", context);
  return bytes;
}

// A table of the columns of a compound type, without rows. Thousands of notes have few types among
// them, and to ask HDF5 for a type's members takes longer than to read a note: it is asked once.
const Table& columns_of(const Handle& type, std::int64_t context) {
  static std::map<std::string, Table> known;
  const std::string key = encoded(type, context);
  auto found = known.find(key);
  if (found == known.end())
    found = known.emplace(key, columns_member_by_member(type, context)).first;
  return found->second;
}

}  // namespace

Handle write_table(const Handle& parent, const std::string& name, const Table& table) {
  const Handle type = row_type(table);
  Handle dataset = create_dataset(parent, name, type, {static_cast<std::int64_t>(table.row_count)});
  write_dataset(dataset, type, table.bytes);
  return dataset;
}

Table read_table(const Handle& dataset) {
  const Handle type = owned(H5Dget_type(dataset.id()), "H5Dget_type", dataset.id());
  Table table = columns_of(type, dataset.id());
  table.resize(static_cast<std::size_t>(element_count(shape_of(dataset))));
  read_dataset(dataset, type, table.bytes);
  return table;
}

void write_rows(const Handle& object, const std::string& name, const Table& table,
                const Shape& shape) {
  SHARDPROOF_EXPECTS(static_cast<std::size_t>(element_count(shape)) == table.row_count, name);
  write_attribute(object, name, row_type(table), shape, table.bytes.data());
}

Table read_rows(const Handle& object, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
  const Handle type = owned(H5Aget_type(attribute.id()), "H5Aget_type", object.id());
  const Handle space = owned(H5Aget_space(attribute.id()), "H5Aget_space", object.id());
  Table table = columns_of(type, object.id());
  table.resize(static_cast<std::size_t>(check(H5Sget_simple_extent_npoints(space.id()),
                                              "H5Sget_simple_extent_npoints", object.id())));
  check(H5Aread(attribute.id(), type.id(), table.bytes.data()), "H5Aread", object.id());
  return table;
}

}  // namespace shardproof::hdf5
