#include "scenarios/hdf5/table.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"

namespace shardproof::hdf5 {

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

}  // namespace shardproof::hdf5
