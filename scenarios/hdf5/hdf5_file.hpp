#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

/// The part of HDF5's C API that traces need. Every call is checked: a failure is an
/// EnvironmentError with the call, the file and HDF5's own message. No HDF5 type leaves
/// hdf5_file.cpp.
///
///     auto file = hdf5::create_file("a.h5");
///     auto type = hdf5::element_type(Dtype::bf16);
///     auto dataset = hdf5::create_dataset(file, "x", type, {2, 3});
///     hdf5::write_dataset(dataset, type, bytes);
namespace shardproof::hdf5 {

/// An open HDF5 object of any kind (an hid_t); closed when it goes.
class Handle {
 public:
  Handle() = default;
  explicit Handle(std::int64_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();
  std::int64_t id() const { return id_; }
  bool is_open() const { return id_ >= 0; }

 private:
  std::int64_t id_ = -1;
};

// Files. Bounds are (V18, V110), so that a file flushed before a crash can be opened; times are not
// recorded, so that equal content gives equal bytes; links keep their order of creation.
Handle create_file(const std::string& path);
Handle open_file(const std::string& path);
void flush(const Handle& file);
/// Flushes and closes; unlike the destructor, it reports what went wrong.
void close_file(Handle& file);

// Groups and links.
Handle create_group(const Handle& parent, const std::string& name);
Handle open_group(const Handle& parent, const std::string& name);
bool is_group(const Handle& parent, const std::string& name);
bool has_link(const Handle& parent, const std::string& name);
/// In the order in which the file has them.
std::vector<std::string> names_in(const Handle& group);

// Types.
/// bf16 and fp16 are HDF5 float types of 16 bits. They serve as file and as memory type, never for
/// a conversion: HDF5 rounds halves away from zero and does not overflow to infinity.
Handle element_type(Dtype dtype);

// Datasets: contiguous and unfiltered.
Handle create_dataset(const Handle& parent, const std::string& name, const Handle& type,
                      const Shape& shape);
Handle open_dataset(const Handle& parent, const std::string& path);
void write_dataset(const Handle& dataset, const Handle& type, std::span<const std::byte> bytes);
Shape shape_of(const Handle& dataset);
bool has_type(const Handle& dataset, const Handle& type);
/// All elements, unconverted; `bytes` has their size.
void read_dataset(const Handle& dataset, const Handle& type, std::span<std::byte> bytes);

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

// Attributes.
bool has_attribute(const Handle& object, const std::string& name);
void write_number(const Handle& object, const std::string& name, std::uint64_t value);
std::uint64_t read_number(const Handle& object, const std::string& name);
/// At most 60,000 bytes: it lies in the object's header, where HDF5 guards it by a checksum.
void write_text(const Handle& object, const std::string& name, const std::string& text);
std::string read_text(const Handle& object, const std::string& name);
std::vector<std::string> attribute_names(const Handle& object);

/// What a column of a table holds. All have a fixed size: HDF5 keeps what varies in a global heap,
/// which has no checksum, and reads wild memory if a length there is damaged.
enum class Kind {
  int32,   // std::int32_t
  int64,   // std::int64_t
  uint64,  // std::uint64_t
  stage,   // std::int32_t: an enumeration {initial, step, final}
  text,    // UTF-8, padded with zeros
  list     // std::int64_t numbers
};
struct Column {
  std::string name;
  Kind kind;
  std::size_t offset;
  std::size_t bytes;
};
/// Rows of compounds, packed: a dataset or an attribute.
struct Table {
  std::vector<Column> columns;
  std::size_t row_bytes = 0;
  std::size_t row_count = 0;
  std::vector<std::byte> bytes;

  /// Appends a column. `length` is the bytes of a text or the numbers of a list: HDF5 has none of
  /// length 0, so that it is 1 at least.
  void add_column(const std::string& name, Kind kind, std::size_t length = 1);
  /// A table of one row may get more columns, and be resized to one row again: it keeps its cells.
  void resize(std::size_t rows);
  /// Index of a column; EnvironmentError if there is none of this name and kind.
  std::size_t column(const std::string& name, Kind kind) const;

  template <class Number>
  void put(std::size_t row, std::size_t column, Number value) {
    std::memcpy(cell(row, column), &value, sizeof value);
  }
  void put_text(std::size_t row, std::size_t column, const std::string& text);
  template <class Number>
  Number get(std::size_t row, std::size_t column) const {
    Number value;
    std::memcpy(&value, cell(row, column), sizeof value);
    return value;
  }
  std::string get_text(std::size_t row, std::size_t column) const;
  void put_list(std::size_t row, std::size_t column, std::span<const std::int64_t> numbers);
  std::vector<std::int64_t> get_list(std::size_t row, std::size_t column) const;

 private:
  std::byte* cell(std::size_t row, std::size_t column) {
    return bytes.data() + row * row_bytes + columns[column].offset;
  }
  const std::byte* cell(std::size_t row, std::size_t column) const {
    return bytes.data() + row * row_bytes + columns[column].offset;
  }
};
Handle write_table(const Handle& parent, const std::string& name, const Table& table);
Table read_table(const Handle& dataset);
/// Writes a table as an attribute. `shape` is that of its rows: {} of a single one.
void write_rows(const Handle& object, const std::string& name, const Table& table,
                const Shape& shape);
/// Reads the attribute `name` of the object `path` below `parent`.
Table read_rows(const Handle& parent, const std::string& path, const std::string& name);
/// A string dataset of any length.
Handle write_long_text(const Handle& parent, const std::string& name, const std::string& text);
std::string read_long_text(const Handle& dataset);

/// HDF5's version, "1.10.8".
std::string library_version();

}  // namespace shardproof::hdf5
