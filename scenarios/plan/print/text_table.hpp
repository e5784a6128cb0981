#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace shardproof {

/// Rows of text in aligned columns, two spaces apart, each row indented by two.
///   TextTable table("<>");                       // a column to the left, one to the right
///   table.row({"model.norm.weight", "64"});
class TextTable {
 public:
  /// One character a column: '<' aligned to the left, '>' to the right.
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}

  /// As many cells as there are columns.
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Every row with its line break and no blanks before it. With `columns`, no row is longer as
  /// long as cells to the left can be cut for it; they end in "...".
  std::string text(std::size_t columns = 0) const;

 private:
  std::vector<std::size_t> widths(std::size_t columns) const;

  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

/// The text, or its beginning and "..." in at most `columns` bytes; no character is cut in two.
std::string cut_to(const std::string& text, std::size_t columns);
/// "12,345,678".
std::string with_thousands(std::int64_t count);
/// "12,345 bytes (12.1 KiB)".
std::string bytes_text(std::int64_t bytes);

}  // namespace shardproof
