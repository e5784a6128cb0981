#include "scenarios/plan/print/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/errors.hpp"

namespace shardproof {

void TextTable::row(std::vector<std::string> cells) {
  SHARDPROOF_EXPECTS(cells.size() == alignment_.size(), cells.size(), alignment_);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(alignment_.size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - row[i].size(), ' ');
      line += "  " + (alignment_[i] == '>' ? blanks + row[i] : row[i] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string with_thousands(std::int64_t count) {
  std::string digits = std::to_string(count);
  const std::ptrdiff_t first = count < 0 ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string bytes_text(std::int64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB"};
  std::string text = with_thousands(bytes) + (bytes == 1 ? " byte" : " bytes");
  if (bytes < 1024) return text;
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < units.size()) size /= 1024, ++unit;
  return text + fmt::format(" ({:.1f} {})", size, units[unit]);
}

}  // namespace shardproof
