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
/// In the order of creation.
std::vector<std::string> names_in(const Handle& group);

// Types.
/// bf16 and fp16 are HDF5 float types of 16 bits. They serve as file and as memory type, never for
/// a conversion: HDF5 rounds halves away from zero and does not overflow to infinity.
Handle element_type(Dtype dtype);

/// What a member of a compound holds, and its form in memory.
enum class Kind {
  int32,      // std::int32_t
  int64,      // std::int64_t
  uint64,     // std::uint64_t
  stage,      // std::int32_t: an enumeration {initial, step, final}
  text,       // const char*, zero-terminated UTF-8 of any length
  list,       // List: int64 numbers
  fixed_text  // char[bytes], padded with zeros
};
/// A list of numbers in memory: laid out as HDF5's hvl_t.
struct List {
  std::size_t length = 0;
  const std::int64_t* data = nullptr;
};
struct Member {
  std::string name;
  Kind kind;
  std::size_t offset;
  std::size_t bytes;
};
Handle compound_type(std::size_t bytes, std::span<const Member> members);
/// Stores the type in the file under a name, so that attributes refer to it instead of repeating
/// it. Returns it as the file's type, for create_attribute.
Handle commit_type(const Handle& file, const std::string& name, const Handle& type);

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
/// Writes one compound (count == 0: a scalar) or an array of them.
void write_attribute(const Handle& object, const std::string& name, const Handle& file_type,
                     const Handle& memory_type, const void* rows, std::size_t count = 0);
/// Reads a scalar compound of the object `path` below `parent`. Texts and lists in it belong to
/// HDF5: give them back with release().
void read_attribute(const Handle& parent, const std::string& path, const std::string& name,
                    const Handle& memory_type, void* row);
void release(const Handle& memory_type, void* row);
bool has_attribute(const Handle& object, const std::string& name);
void write_number(const Handle& object, const std::string& name, std::uint64_t value);
std::uint64_t read_number(const Handle& object, const std::string& name);
/// At most 60,000 bytes: it lies in the object's header, where HDF5 guards it by a checksum.
void write_text(const Handle& object, const std::string& name, const std::string& text);
std::string read_text(const Handle& object, const std::string& name);
std::vector<std::string> attribute_names(const Handle& object);

/// Rows of a compound dataset, packed.
struct Table {
  std::vector<Member> columns;
  std::size_t row_bytes = 0;
  std::size_t row_count = 0;
  std::vector<std::byte> bytes;

  /// Appends a column; call before resize(). `text_bytes` is for fixed_text.
  void add_column(const std::string& name, Kind kind, std::size_t text_bytes = 0);
  void resize(std::size_t rows);
  /// Index of a column by name; EnvironmentError if there is none.
  std::size_t column(const std::string& name) const;

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
/// A string dataset of any length.
Handle write_long_text(const Handle& parent, const std::string& name, const std::string& text);
std::string read_long_text(const Handle& dataset);

/// HDF5's version, "1.10.8".
std::string library_version();

}  // namespace shardproof::hdf5
