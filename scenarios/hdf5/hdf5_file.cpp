#include "scenarios/hdf5/hdf5_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "scenarios/errors.hpp"

namespace shardproof::hdf5 {

static_assert(std::is_same_v<hid_t, std::int64_t>);

namespace {

// HDF5 prints its error stack to stderr unless it is told not to, for each thread.
void keep_quiet() {
  thread_local const bool quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) >= 0;
  static_cast<void>(quiet);
}

herr_t append_description(unsigned, const H5E_error2_t* error, void* lines) {
  if (error->desc != nullptr) {
    static_cast<std::vector<std::string>*>(lines)->emplace_back(error->desc);
  }
  return 0;
}

// The outermost and the innermost sentence of HDF5's error stack: what failed, and why.
std::string library_message() {
  std::vector<std::string> lines;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, append_description, &lines);
  if (lines.empty()) return "no message";
  return lines.size() == 1 ? lines.front() : lines.front() + ": " + lines.back();
}

std::string file_of(std::int64_t object) {
  std::array<char, 4096> name{};
  return H5Fget_name(object, name.data(), name.size()) > 0 ? name.data() : "";
}

// Advice for the commonest complaint about HDF5 on network file systems.
std::string advice(const std::string& message) {
  const bool locking = message.find("lock") != std::string::npos;
  return locking ? " (a file system without locks? try HDF5_USE_FILE_LOCKING=FALSE)" : "";
}

[[noreturn]] void fail(const std::string& where, const std::string& call) {
  const std::string message = library_message();
  throw EnvironmentError((where.empty() ? "" : where + ": ") + call + ": HDF5: " + message +
                         advice(message));
}

// Checks a return code or an id; `context` is any object of the file the call is about.
template <class Result>
Result check(Result result, const char* call, std::int64_t context = -1) {
  if (result < 0) [[unlikely]] {
    const std::string message = library_message();
    const std::string where = context >= 0 ? file_of(context) : "";
    throw EnvironmentError((where.empty() ? "" : where + ": ") + call + ": HDF5: " + message);
  }
  return result;
}

Handle owned(hid_t id, const char* call, std::int64_t context = -1) {
  return Handle(check(id, call, context));
}

std::vector<hsize_t> extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

Handle space_of(const Shape& shape) {
  if (shape.empty()) return owned(H5Screate(H5S_SCALAR), "H5Screate");
  const auto dims = extents(shape);
  return owned(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr),
               "H5Screate_simple");
}

Handle new_property_list(hid_t kind) { return owned(H5Pcreate(kind), "H5Pcreate"); }

Handle access_properties() {
  Handle list = new_property_list(H5P_FILE_ACCESS);
  check(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_V110), "H5Pset_libver_bounds");
  check(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "H5Pset_fclose_degree");
  check(H5Pset_file_locking(list.id(), false, true), "H5Pset_file_locking");
  check(H5Pset_meta_block_size(list.id(), 1 << 18), "H5Pset_meta_block_size");
  return list;
}

// Metadata that changed since the last flush must not reach the disk before the next one, or a
// killed run would leave a file of two minds. A cache larger than what one step writes keeps it in
// memory.
void keep_metadata_until_flush(const Handle& access) {
  H5AC_cache_config_t config;
  config.version = H5AC__CURR_CACHE_CONFIG_VERSION;
  check(H5Pget_mdc_config(access.id(), &config), "H5Pget_mdc_config");
  config.set_initial_size = true;
  config.initial_size = config.min_size = config.max_size = 64 << 20;
  config.min_clean_fraction = 0;
  config.incr_mode = H5C_incr__off;
  config.flash_incr_mode = H5C_flash_incr__off;
  config.decr_mode = H5C_decr__off;
  check(H5Pset_mdc_config(access.id(), &config), "H5Pset_mdc_config");
}

// Properties for new objects: no times, links in order of creation, and all attributes in the
// object's header, which has a checksum; HDF5 would move many to a heap, where large ones have
// none. Made once: they never change.
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

Handle make_dataset_properties() {
  Handle list = make_object_properties(H5P_DATASET_CREATE);
  check(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "H5Pset_fill_time");
  check(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time");
  return list;
}

hid_t group_properties() {
  static const hid_t list = H5Pcopy(make_group_properties(H5P_GROUP_CREATE).id());
  return list;
}

hid_t dataset_properties() {
  static const hid_t list = H5Pcopy(make_dataset_properties().id());
  return list;
}

Handle text_type(std::size_t bytes) {
  Handle type = owned(H5Tcopy(H5T_C_S1), "H5Tcopy");
  check(H5Tset_size(type.id(), bytes), "H5Tset_size");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset");
  check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "H5Tset_strpad");
  return type;
}

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

// A table of the columns of a compound type, without rows.
Table columns_of(const Handle& type, std::int64_t context) {
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

Handle sixteen_bit_float(std::size_t exponent_bits, std::size_t mantissa_bits) {
  Handle type = owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy");
  // Fields before size: the library refuses fields outside of the size, and sizes that cut fields.
  check(H5Tset_fields(type.id(), 15, mantissa_bits, exponent_bits, 0, mantissa_bits),
        "H5Tset_fields");
  check(H5Tset_precision(type.id(), 16), "H5Tset_precision");
  check(H5Tset_size(type.id(), 2), "H5Tset_size");
  check(H5Tset_ebias(type.id(), (std::size_t{1} << (exponent_bits - 1)) - 1), "H5Tset_ebias");
  return type;
}

herr_t append_name(hid_t, const char* name, const H5L_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

herr_t append_attribute_name(hid_t, const char* name, const H5A_info_t*, void* names) {
  static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

void select(const Handle& space, const Region& region) {
  const auto start = extents(region.offset);
  const auto count = extents(region.extent);
  check(
      H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
      "H5Sselect_hyperslab");
}

}  // namespace

Handle::~Handle() {
  if (id_ >= 0) H5Idec_ref(id_);
}

Handle create_file(const std::string& path) {
  keep_quiet();
  const Handle access = access_properties();
  keep_metadata_until_flush(access);
  const Handle creation = make_group_properties(H5P_FILE_CREATE);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  if (file < 0) fail(path, "H5Fcreate");
  return Handle(file);
}

Handle open_file(const std::string& path) {
  keep_quiet();
  const Handle access = access_properties();
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (file < 0) fail(path, "H5Fopen");
  return Handle(file);
}

void flush(const Handle& file) {
  check(H5Fflush(file.id(), H5F_SCOPE_LOCAL), "H5Fflush", file.id());
}

void close_file(Handle& file) {
  flush(file);
  const std::string path = file_of(file.id());
  const Handle closing = std::move(file);
  if (H5Idec_ref(closing.id()) < 0) fail(path, "H5Fclose");
}

Handle create_group(const Handle& parent, const std::string& name) {
  return owned(H5Gcreate2(parent.id(), name.c_str(), H5P_DEFAULT, group_properties(), H5P_DEFAULT),
               "H5Gcreate2", parent.id());
}

Handle open_group(const Handle& parent, const std::string& name) {
  return owned(H5Gopen2(parent.id(), name.c_str(), H5P_DEFAULT), "H5Gopen2", parent.id());
}

bool is_group(const Handle& parent, const std::string& name) {
  H5O_info_t info;
  check(H5Oget_info_by_name2(parent.id(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
        "H5Oget_info_by_name2", parent.id());
  return info.type == H5O_TYPE_GROUP;
}

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

Handle element_type(Dtype dtype) {
  keep_quiet();
  switch (dtype) {
    case Dtype::fp64: return owned(H5Tcopy(H5T_IEEE_F64LE), "H5Tcopy");
    case Dtype::fp32: return owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy");
    case Dtype::bf16: return sixteen_bit_float(8, 7);
    case Dtype::fp16: return sixteen_bit_float(5, 10);
    case Dtype::int64: return owned(H5Tcopy(H5T_STD_I64LE), "H5Tcopy");
  }
  SHARDPROOF_EXPECTS(false, "unknown dtype");
  return {};
}

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

namespace {

void write_attribute(const Handle& object, const std::string& name, const Handle& type,
                     const Shape& shape, const void* values) {
  const Handle attribute = owned(H5Acreate2(object.id(), name.c_str(), type.id(),
                                            space_of(shape).id(), H5P_DEFAULT, H5P_DEFAULT),
                                 "H5Acreate2", object.id());
  check(H5Awrite(attribute.id(), type.id(), values), "H5Awrite", object.id());
}

}  // namespace

bool has_attribute(const Handle& object, const std::string& name) {
  return check(H5Aexists(object.id(), name.c_str()), "H5Aexists", object.id()) > 0;
}

void write_number(const Handle& object, const std::string& name, std::uint64_t value) {
  const Handle type = owned(H5Tcopy(H5T_STD_U64LE), "H5Tcopy");
  if (has_attribute(object, name)) {
    const Handle attribute =
        owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
    check(H5Awrite(attribute.id(), type.id(), &value), "H5Awrite", object.id());
  } else {
    write_attribute(object, name, type, {}, &value);
  }
}

std::uint64_t read_number(const Handle& object, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
  std::uint64_t value = 0;
  check(H5Aread(attribute.id(), H5T_NATIVE_UINT64, &value), "H5Aread", object.id());
  return value;
}

void write_text(const Handle& object, const std::string& name, const std::string& text) {
  SHARDPROOF_EXPECTS(text.size() <= 60'000, name, text.size());
  const Handle type = text_type(std::max<std::size_t>(text.size(), 1));
  write_attribute(object, name, type, {}, text.c_str());
}

std::string read_text(const Handle& object, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT), "H5Aopen", object.id());
  const Handle type = owned(H5Aget_type(attribute.id()), "H5Aget_type", object.id());
  std::string text(H5Tget_size(type.id()), '\0');
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0) {
    throw EnvironmentError(file_of(object.id()) + ": attribute " + name + " is not a fixed string");
  }
  check(H5Aread(attribute.id(), type.id(), text.data()), "H5Aread", object.id());
  return text.c_str();
}

std::vector<std::string> attribute_names(const Handle& object) {
  std::vector<std::string> names;
  check(
      H5Aiterate2(object.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, append_attribute_name, &names),
      "H5Aiterate2", object.id());
  return names;
}

void Table::add_column(const std::string& name, Kind kind, std::size_t length) {
  const bool four = kind == Kind::int32 || kind == Kind::stage;
  const std::size_t unit = kind == Kind::text ? 1 : (four ? 4 : 8);
  columns.push_back({name, kind, row_bytes, unit * std::max<std::size_t>(length, 1)});
  row_bytes += columns.back().bytes;
}

void Table::resize(std::size_t rows) {
  row_count = rows;
  bytes.resize(rows * row_bytes);
}

std::size_t Table::column(const std::string& name, Kind kind) const {
  const auto found = std::ranges::find(columns, name, &Column::name);
  if (found == columns.end() || found->kind != kind) {
    throw EnvironmentError("table without a column " + name + " of the right type");
  }
  return static_cast<std::size_t>(found - columns.begin());
}

void Table::put_text(std::size_t row, std::size_t column, const std::string& text) {
  SHARDPROOF_EXPECTS(text.size() <= columns[column].bytes, columns[column].name, text);
  std::memcpy(cell(row, column), text.data(), text.size());
}

std::string Table::get_text(std::size_t row, std::size_t column) const {
  const char* text = reinterpret_cast<const char*>(cell(row, column));
  return {text, strnlen(text, columns[column].bytes)};
}

void Table::put_list(std::size_t row, std::size_t column, std::span<const std::int64_t> numbers) {
  SHARDPROOF_EXPECTS(numbers.size_bytes() <= columns[column].bytes, columns[column].name);
  if (!numbers.empty()) std::memcpy(cell(row, column), numbers.data(), numbers.size_bytes());
}

std::vector<std::int64_t> Table::get_list(std::size_t row, std::size_t column) const {
  std::vector<std::int64_t> numbers(columns[column].bytes / sizeof(std::int64_t));
  std::memcpy(numbers.data(), cell(row, column), columns[column].bytes);
  return numbers;
}

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

Table read_rows(const Handle& parent, const std::string& path, const std::string& name) {
  const Handle attribute =
      owned(H5Aopen_by_name(parent.id(), path.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT),
            "H5Aopen_by_name", parent.id());
  const Handle type = owned(H5Aget_type(attribute.id()), "H5Aget_type", parent.id());
  const Handle space = owned(H5Aget_space(attribute.id()), "H5Aget_space", parent.id());
  Table table = columns_of(type, parent.id());
  table.resize(static_cast<std::size_t>(check(H5Sget_simple_extent_npoints(space.id()),
                                              "H5Sget_simple_extent_npoints", parent.id())));
  check(H5Aread(attribute.id(), type.id(), table.bytes.data()), "H5Aread", parent.id());
  return table;
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

std::string library_version() {
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace shardproof::hdf5
