#include "reports/render/trend_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"
#include "reports/render/line_chart.hpp"

namespace shardproof::reports {

namespace {

std::vector<std::string> quantities_of(const std::vector<TrendPoint>& trend) {
  std::vector<std::string> quantities;
  for (const TrendPoint& point : trend)
    if (std::ranges::find(quantities, point.quantity) == quantities.end())
      quantities.push_back(point.quantity);
  return quantities;
}

std::vector<int> steps_of(const std::vector<SkippedStep>& skipped) {
  std::set<int> steps;
  for (const SkippedStep& step : skipped) steps.insert(step.step);
  return {steps.begin(), steps.end()};
}

LineChart::Curve& curve_of(std::vector<LineChart::Curve>& curves, const std::string& execution) {
  for (LineChart::Curve& curve : curves)
    if (!curve.is_reference && curve.name == execution) return curve;
  return curves.emplace_back(LineChart::Curve{execution});
}

// A reference that is zero everywhere is what a distance is measured from: it has no curve. What
// is measured so, and a loss scale, change by factors.
LineChart chart_of(const std::vector<TrendPoint>& trend, const std::string& quantity,
                   const std::vector<SkippedStep>& skipped) {
  LineChart chart{.title = quantity, .marks = {{"▼", "skipped", steps_of(skipped)}}};
  LineChart::Curve reference{.name = "reference, fp64", .is_reference = true};
  for (const TrendPoint& point : trend) {
    if (point.quantity != quantity) continue;
    LineChart::Curve& curve = curve_of(chart.curves, point.execution);
    curve.points.emplace_back(point.step, point.value);
    const bool of_first = &curve == &chart.curves.front();
    if (point.reference && of_first) reference.points.emplace_back(point.step, *point.reference);
  }
  const bool is_distance =
      std::ranges::all_of(reference.points, [](const auto& point) { return point.second == 0; });
  chart.logarithmic = quantity == "loss_scale" || quantity.ends_with(" error");
  if (!is_distance) chart.curves.insert(chart.curves.begin(), std::move(reference));
  return chart;
}

bool is_constant(const std::vector<TrendPoint>& trend, const std::string& quantity) {
  std::set<double> values;
  for (const TrendPoint& point : trend)
    if (point.quantity == quantity) values.insert(point.value);
  return values.size() < 2;
}

// A loss scale that stays as it is needs no picture.
bool is_drawn(const std::vector<TrendPoint>& trend, const std::string& quantity,
              const std::vector<SkippedStep>& skipped) {
  return quantity != "loss_scale" || !skipped.empty() || !is_constant(trend, quantity);
}

std::string number_cell(const std::string& text) {
  return "<td class=\"number\">" + text + "</td>";
}

std::string table_of(const std::vector<TrendPoint>& trend) {
  std::string rows;
  std::size_t shown = 0;
  for (const TrendPoint& point : trend) {
    if (shown++ == max_table_rows) break;
    rows += "<tr><td>" + html_escaped(point.quantity) + "</td><td>" +
            html_escaped(point.execution) + "</td>" + number_cell(std::to_string(point.step)) +
            number_cell(fmt::format("{}", point.value)) +
            number_cell(point.reference ? fmt::format("{}", *point.reference) : "") +
            number_cell(point.reference ? rounded(std::fabs(point.value - *point.reference)) : "") +
            "</tr>\n";
  }
  return scrolled_table("Trend",
                        "<th>quantity</th><th>execution</th><th class=\"number\">step</th>"
                        "<th class=\"number\">value</th><th class=\"number\">reference, fp64</th>"
                        "<th class=\"number\">difference</th>",
                        rows) +
         rows_left_out(trend.size());
}

}  // namespace

std::string charts_html(const std::vector<TrendPoint>& trend,
                        const std::vector<SkippedStep>& skipped) {
  std::string charts;
  for (const std::string& quantity : quantities_of(trend))
    if (is_drawn(trend, quantity, skipped)) charts += chart_of(trend, quantity, skipped).html();
  return charts.empty() ? "" : "<div class=\"charts\">" + charts + "</div>\n";
}

std::string trend_html(const std::vector<TrendPoint>& trend,
                       const std::vector<SkippedStep>& skipped) {
  if (trend.empty()) return "";
  return "<p>How far the run is from the fp64 reference. Shown, not judged: rounding may add up "
         "over the steps.</p>\n" +
         charts_html(trend, skipped) + folded_html("The numbers", table_of(trend));
}

}  // namespace shardproof::reports
