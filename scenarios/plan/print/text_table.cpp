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

// Of all columns; the widest that can be cut gives way, and none becomes unreadable.
std::vector<std::size_t> TextTable::widths(std::size_t columns) const {
  constexpr std::size_t readable = 8;
  std::vector<std::size_t> widths(alignment_.size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  const auto can_be_cut = [&](std::size_t i) { return alignment_[i] == '<' ? widths[i] : 0; };
  std::size_t total = 2 * widths.size();
  for (const std::size_t width : widths) total += width;
  for (; columns > 0 && total > columns; --total) {
    std::size_t widest = 0;
    for (std::size_t i = 0; i < widths.size(); ++i)
      if (can_be_cut(i) > can_be_cut(widest)) widest = i;
    if (can_be_cut(widest) <= readable) break;
    --widths[widest];
  }
  return widths;
}

std::string TextTable::text(std::size_t columns) const {
  const std::vector<std::size_t> widths = this->widths(columns);
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string cell = cut_to(row[i], widths[i]);
      const std::string blanks(widths[i] - cell.size(), ' ');
      line += "  " + (alignment_[i] == '>' ? blanks + cell : cell + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string cut_to(const std::string& text, std::size_t columns) {
  constexpr std::size_t dots = 3;
  if (text.size() <= columns || columns < dots) return text.substr(0, columns);
  std::size_t end = columns - dots;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
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
