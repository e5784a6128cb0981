#include "reports/render/trend_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"

namespace shardproof::reports {

namespace {

constexpr double width = 360, height = 150, left = 64, right = 12, top = 12, bottom = 24;

using Curve = std::vector<std::pair<int, double>>;  // step, value

// The frame that all curves of a chart share.
struct Frame {
  int first_step = 0, last_step = 0;
  double low = 0, high = 0;

  double x(int step) const {
    const double span = std::max(1, last_step - first_step);
    return left + (width - left - right) * (step - first_step) / span;
  }
  double y(double value) const {
    return top + (height - top - bottom) * (high == low ? 0.5 : (high - value) / (high - low));
  }
};

Frame frame_of(const std::vector<Curve>& curves) {
  Frame frame{std::numeric_limits<int>::max(), 0, std::numeric_limits<double>::infinity(),
              -std::numeric_limits<double>::infinity()};
  for (const Curve& curve : curves)
    for (const auto& [step, value] : curve) {
      frame.first_step = std::min(frame.first_step, step);
      frame.last_step = std::max(frame.last_step, step);
      frame.low = std::min(frame.low, value);
      frame.high = std::max(frame.high, value);
    }
  return frame;
}

std::string curve_svg(const Curve& curve, const Frame& frame, bool dashed) {
  std::string points, dots;
  for (const auto& [step, value] : curve) {
    points += fmt::format("{:.1f},{:.1f} ", frame.x(step), frame.y(value));
    if (!dashed)
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"currentColor\"/>",
                          frame.x(step), frame.y(value));
  }
  return fmt::format(
             "<polyline points=\"{}\" fill=\"none\" stroke=\"currentColor\" "
             "stroke-width=\"1.5\"{}/>",
             points, dashed ? " stroke-dasharray=\"5 4\" opacity=\"0.7\"" : "") +
         dots;
}

std::string chart_svg(const std::string& title, const Curve& reference,
                      const std::vector<Curve>& executions) {
  std::vector<Curve> all = executions;
  all.push_back(reference);
  const Frame frame = frame_of(all);
  if (frame.first_step >= frame.last_step) return "";  // nothing finite, or one step: no curve
  const auto label = [&](double x, double y, const char* anchor, const std::string& text) {
    return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>", x, y, anchor, text);
  };
  std::string svg = fmt::format(
      "<figure><svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" "
      "aria-label=\"{2} by step\">",
      width, height, html_escaped(title));
  svg += label(left - 6, top + 8, "end", rounded(frame.high));
  if (frame.high != frame.low) svg += label(left - 6, height - bottom, "end", rounded(frame.low));
  svg += label(left, height - 6, "middle", std::to_string(frame.first_step));
  svg += label(width - right, height - 6, "end", "step " + std::to_string(frame.last_step));
  svg += curve_svg(reference, frame, true);
  for (const Curve& curve : executions) svg += curve_svg(curve, frame, false);
  return svg + "</svg><figcaption>" + html_escaped(title) + "</figcaption></figure>";
}

std::string chart_of(const std::vector<TrendPoint>& trend, const std::string& quantity) {
  Curve reference;
  std::vector<std::pair<std::string, Curve>> executions;
  for (const TrendPoint& point : trend) {
    if (point.quantity != quantity) continue;
    auto found = std::find_if(executions.begin(), executions.end(),
                              [&](const auto& e) { return e.first == point.execution; });
    if (found == executions.end())
      found = executions.insert(executions.end(), {point.execution, {}});
    if (std::isfinite(point.value)) found->second.emplace_back(point.step, point.value);
    if (point.reference && std::isfinite(*point.reference) && found == executions.begin())
      reference.emplace_back(point.step, *point.reference);
  }
  std::vector<Curve> curves;
  for (auto& execution : executions) curves.push_back(std::move(execution.second));
  return chart_svg(quantity, reference, curves);
}

std::string table_of(const std::vector<TrendPoint>& trend) {
  std::string rows;
  for (const TrendPoint& point : trend)
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>"
        "<td class=\"number\">{}</td><td class=\"number\">{}</td></tr>\n",
        html_escaped(point.quantity), html_escaped(point.execution), point.step, point.value,
        point.reference ? fmt::format("{}", *point.reference) : "",
        point.reference ? rounded(std::fabs(point.value - *point.reference)) : "");
  return "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Trend\"><table>"
         "<thead><tr><th>quantity</th><th>execution</th><th class=\"number\">step</th>"
         "<th class=\"number\">value</th><th class=\"number\">reference, fp64</th>"
         "<th class=\"number\">difference</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>";
}

}  // namespace

std::string charts_html(const std::vector<TrendPoint>& trend) {
  std::vector<std::string> quantities;
  for (const TrendPoint& point : trend)
    if (std::find(quantities.begin(), quantities.end(), point.quantity) == quantities.end())
      quantities.push_back(point.quantity);
  std::string charts;
  for (const std::string& quantity : quantities) charts += chart_of(trend, quantity);
  return "<div class=\"charts\">" + charts + "</div>\n";
}

std::string trend_html(const std::vector<TrendPoint>& trend) {
  if (trend.empty()) return "<p>No steps were compared.</p>";
  return "<p>How far the run is from the fp64 reference (dashed). Shown, not judged: rounding may "
         "add up over the steps.</p>\n" +
         charts_html(trend) + table_of(trend);
}

}  // namespace shardproof::reports
