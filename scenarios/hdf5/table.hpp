#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace shardproof::hdf5 {

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

}  // namespace shardproof::hdf5
