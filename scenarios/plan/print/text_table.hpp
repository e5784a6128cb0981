#pragma once

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
  /// Every row with its line break and no blanks before it.
  std::string text() const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

/// "12,345,678".
std::string with_thousands(std::int64_t count);
/// "12,345 bytes (12.1 KiB)".
std::string bytes_text(std::int64_t bytes);

}  // namespace shardproof
