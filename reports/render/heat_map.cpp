#include "reports/render/heat_map.hpp"

#include <algorithm>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/heat_grid.hpp"
#include "reports/render/heat_scale.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

constexpr std::size_t max_columns_with_numbers = 8;
constexpr std::size_t columns_a_title = 4;  // where they are narrow
constexpr std::size_t max_name = 120;

std::string ranks_of(const HeatGrid::Column& column) {
  return std::to_string(column.first) +
         (column.first == column.last ? "" : "-" + std::to_string(column.last));
}

std::string name_html(const HeatGrid::Row& row) {
  std::string name = row.name;
  const bool cut = name.size() > max_name;
  if (cut) name = name.substr(0, max_name) + "...";
  std::string html = (row.failed ? "✗&nbsp;" : "") + html_escaped(name);
  if (row.rows > 1) html += " <em>+" + std::to_string(row.rows - 1) + "</em>";
  return html;
}

class HeatMap {
 public:
  HeatMap(const std::vector<TensorRow>& tensors, const std::optional<FirstDivergence>& first)
      : tensors_(tensors.size()),
        first_rank_(first ? first->rank : -1),
        grid_(heat_grid(tensors, first_rank_)),
        numbers_(grid_.columns.size() <= max_columns_with_numbers) {}

  std::string html() const {
    if (grid_.rows.empty()) return "";
    std::string rows;
    for (const HeatGrid::Row& row : grid_.rows) rows += row_html(row);
    return about() + heat_legend_html() +
           "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" "
           "aria-label=\"Heat map of tensors by rank\">"
           "<table class=\"heat" +
           (numbers_ ? " numbers" : "") + "\"><thead>" + titles() + "</thead><tbody>\n" + rows +
           "</tbody></table></div>\n";
  }

 private:
  std::string about() const {
    const bool failing = std::ranges::any_of(grid_.rows, &HeatGrid::Row::holds_first_divergence);
    return "<p>How much of its bound the worst element of a tensor used, on each rank, over all "
           "steps and executions; rows in the order of execution." +
           std::string(failing ? " <a href=\"#failing-cell\">To the first divergence.</a>" : "") +
           folded() + "</p>\n";
  }

  // What shares a row or a column with others.
  std::string folded() const {
    std::string text;
    if (grid_.folded > 0)
      text +=
          " <strong>" + with_thousands(static_cast<std::int64_t>(grid_.folded)) + " of " +
          counted(static_cast<std::int64_t>(tensors_), "row") +
          " are folded: a line with +2 shows the worst of its own and of the next two.</strong>";
    if (std::ranges::any_of(grid_.columns, [](const auto& c) { return c.first != c.last; }))
      text += " <strong>Ranks are folded too.</strong>";
    return text;
  }

  std::string titles() const {
    const std::size_t span = numbers_ ? 1 : columns_a_title;
    std::string html = "<tr><th scope=\"col\">tensor, by rank</th>";
    for (std::size_t i = 0; i < grid_.columns.size(); i += span) {
      const std::size_t spanned = std::min(span, grid_.columns.size() - i);
      html += span == 1 ? "<th scope=\"col\">"
                        : "<th class=\"wide\" scope=\"colgroup\" colspan=\"" +
                              std::to_string(spanned) + "\">";
      html += ranks_of(grid_.columns[i]) + "</th>";
    }
    return html + "</tr>";
  }

  std::string row_html(const HeatGrid::Row& row) const {
    std::string html = "<tr><th scope=\"row\">" + name_html(row) + "</th>";
    for (std::size_t i = 0; i < row.cells.size(); ++i) html += cell_html(row, i);
    return html + "</tr>\n";
  }

  // There may be tens of thousands: no more than a class and a sign, and no end tag, which HTML
  // does not need.
  std::string cell_html(const HeatGrid::Row& row, std::size_t column) const {
    const TensorRow::Cell& cell = row.cells[column];
    const HeatLook look = heat_look(cell);
    if (look.css_class.empty()) return "<td>";
    if (row.holds_first_divergence && cell.failed) return failing_html(cell, column);
    return "<td class=" + look.css_class + ">" + text_of(cell, look);
  }

  std::string failing_html(const TensorRow::Cell& cell, std::size_t column) const {
    const HeatLook look = heat_look(cell);
    const bool first = grid_.columns[column].first == first_rank_;
    return "<td class=\"" + look.css_class + " first\"" + (first ? " id=\"failing-cell\"" : "") +
           " title=\"rank " + ranks_of(grid_.columns[column]) + ": " +
           (cell.bounded ? rounded(cell.max_ratio) + " of its bound" : "bits differ") +
           ", first in " + html_escaped(cell.first_failure) + "\">" + text_of(cell, look);
  }

  std::string text_of(const TensorRow::Cell& cell, const HeatLook& look) const {
    if (!numbers_ || !cell.bounded) return look.sign;
    return (cell.failed ? look.sign + " " : "") + rounded(cell.max_ratio);
  }

  std::size_t tensors_;
  int first_rank_;
  HeatGrid grid_;
  bool numbers_;
};

}  // namespace

std::string heat_map_html(const std::vector<TensorRow>& tensors,
                          const std::optional<FirstDivergence>& first) {
  return HeatMap(tensors, first).html();
}

}  // namespace shardproof::reports
