#include "reports/render/line_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "reports/render/chart_axis.hpp"
#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"

namespace shardproof::reports {

namespace {

// As wide as the narrowest screen, so that its letters need not shrink.
constexpr double width = 340, height = 180, left = 62, right = 12, top = 18, bottom = 26;
constexpr int most_points = 200;
constexpr std::size_t most_dots = 40;

using Points = std::vector<std::pair<int, double>>;

// How many steps share one point of a curve.
int steps_a_point(int first, int last) { return (last - first) / most_points + 1; }

// Of so many steps the largest, and what is not finite before all.
Points thinned(const Points& points, int first, int steps) {
  Points thin;
  for (const auto& [step, value] : points) {
    const bool same =
        !thin.empty() && (thin.back().first - first) / steps == (step - first) / steps;
    if (!same)
      thin.emplace_back(step, value);
    else if (!std::isnan(thin.back().second) && !(value <= thin.back().second))
      thin.back().second = value;
  }
  return thin;
}

std::string svg_text(double x, double y, const char* anchor, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor,
                     html_escaped(text));
}

std::string svg_line(const char* css_class, double x0, double y0, double x1, double y1) {
  return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>",
                     css_class, x0, y0, x1, y1);
}

// A filled circle for the first execution, an open square for the next: both show where they meet.
std::string dot(std::size_t curve, double x, double y) {
  if (curve % 2 == 0) return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>", x, y);
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"9\" height=\"9\"/>", x - 4.5,
                     y - 4.5);
}

class Drawing {
 public:
  explicit Drawing(const LineChart& chart) : chart_(chart) {
    for (const LineChart::Curve& curve : chart.curves)
      for (const auto& point : curve.points)
        if (visible(point.second)) stretch(point);
    if (!has_curve()) return;
    // Both sides of a limit are seen, however near to it all values lie.
    if (chart.limit)
      for (const double factor : {0.1, 10.0}) stretch({first_, factor * chart.limit->value});
    x_ = step_axis(first_, last_);
    y_ = chart.logarithmic ? logarithmic_axis(low_, high_) : linear_axis(low_, high_);
  }

  std::string html() const {
    if (!has_curve()) return "";
    std::string svg = fmt::format(
        "<figure><svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" "
        "aria-label=\"{2}\">",
        width, height, html_escaped(spoken()));
    svg += axes() + limit() + marks();
    std::size_t execution = 0;
    for (const LineChart::Curve& curve : chart_.curves)
      svg += curve_svg(curve, curve.is_reference ? 0 : execution++);
    return svg + "</svg>\n<figcaption>" + caption() + "</figcaption></figure>\n";
  }

 private:
  bool has_curve() const { return first_ < last_; }

  bool visible(double value) const {
    return std::isfinite(value) && (value > 0 || !chart_.logarithmic);
  }

  void stretch(const std::pair<int, double>& point) {
    first_ = std::min(first_, point.first);
    last_ = std::max(last_, point.first);
    low_ = std::min(low_, point.second);
    high_ = std::max(high_, point.second);
  }

  double x(int step) const { return left + (width - left - right) * x_.place(step); }
  double y(double value) const {
    return height - bottom - (height - top - bottom) * y_.place(value);
  }

  std::string axes() const {
    std::string svg = svg_line("axis", left, height - bottom, width - right, height - bottom);
    for (const ChartAxis::Tick& tick : y_.ticks)
      svg += svg_line("grid", left, y(tick.value), width - right, y(tick.value)) +
             svg_text(left - 6, y(tick.value) + 4, "end", tick.label);
    for (const ChartAxis::Tick& tick : x_.ticks)
      svg += svg_text(x(static_cast<int>(tick.value)), height - 10, "middle", tick.label);
    return svg;
  }

  std::string limit() const {
    if (!chart_.limit) return "";
    const double at = y(chart_.limit->value);
    return svg_line("limit", left, at, width - right, at) +
           svg_text(width - right - 2, at - 4, "end", chart_.limit->name);
  }

  std::string marks() const {
    const int steps = steps_a_point(first_, last_);
    std::string svg;
    for (const LineChart::Marks& marks : chart_.marks) {
      int drawn = -1;  // the last point that has one
      for (const int step : marks.steps) {
        if (step < first_ || step > last_ || (step - first_) / steps == drawn) continue;
        drawn = (step - first_) / steps;
        svg += svg_line("mark", x(step), top, x(step), height - bottom) +
               svg_text(x(step), top - 5, "middle", marks.sign);
      }
    }
    return svg;
  }

  std::string curve_svg(const LineChart::Curve& curve, std::size_t execution) const {
    const Points points = thinned(curve.points, first_, steps_a_point(first_, last_));
    const bool dots = !curve.is_reference && points.size() <= most_dots;
    std::string lines, stretch, marked;
    const auto end_line = [&] {
      if (!stretch.empty()) lines += "<polyline points=\"" + stretch + "\"/>";
      stretch.clear();
    };
    for (const auto& [step, value] : points) {
      if (!visible(value)) {
        end_line();
        continue;
      }
      stretch += fmt::format("{}{:.1f},{:.1f}", stretch.empty() ? "" : " ", x(step), y(value));
      if (dots) marked += dot(execution, x(step), y(value));
    }
    end_line();
    return "<g class=\"" + css_class(curve, execution) + "\">" + lines + marked + "</g>";
  }

  static std::string css_class(const LineChart::Curve& curve, std::size_t execution) {
    return curve.is_reference ? "curve reference" : "curve c" + std::to_string(execution % 4);
  }

  std::string spoken() const {
    std::string text =
        chart_.title + " by step, " + std::to_string(first_) + " to " + std::to_string(last_);
    for (const LineChart::Curve& curve : chart_.curves)
      if (!curve.points.empty())
        text += "; " + curve.name + (curve.name.empty() ? "" : " ") + "from " +
                rounded(curve.points.front().second) + " to " + rounded(curve.points.back().second);
    for (const LineChart::Marks& marks : chart_.marks)
      if (!marks.steps.empty())
        text += "; " + counted(std::ssize(marks.steps), "step") + " " + marks.name;
    return text;
  }

  std::string caption() const {
    std::string html = "<strong>" + html_escaped(chart_.title) + "</strong> by step";
    std::size_t execution = 0;
    for (const LineChart::Curve& curve : chart_.curves) {
      if (curve.points.empty()) continue;
      const std::size_t own = curve.is_reference ? 0 : execution++;
      if (!curve.name.empty()) html += key(curve, own) + html_escaped(curve.name) + "</span>";
    }
    for (const LineChart::Marks& marks : chart_.marks)
      if (!marks.steps.empty())
        html += " <span class=\"key\">" + marks.sign + " " + html_escaped(marks.name) + "</span>";
    if (const int steps = steps_a_point(first_, last_); steps > 1)
      html += " <span class=\"key\">of each " + std::to_string(steps) + " steps the largest</span>";
    return html;
  }

  static std::string key(const LineChart::Curve& curve, std::size_t execution) {
    return " <span class=\"key\"><svg viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" "
           "aria-hidden=\"true\"><g class=\"" +
           css_class(curve, execution) + "\"><polyline points=\"1,6 27,6\"/>" +
           (curve.is_reference ? "" : dot(execution, 14, 6)) + "</g></svg> ";
  }

  const LineChart& chart_;
  int first_ = std::numeric_limits<int>::max(), last_ = std::numeric_limits<int>::min();
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
  ChartAxis x_, y_;
};

}  // namespace

std::string LineChart::html() const { return Drawing(*this).html(); }

}  // namespace shardproof::reports
