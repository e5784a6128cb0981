#include "reports/render/chart_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/render/format.hpp"

namespace shardproof::reports {

namespace {

constexpr double most_ticks = 4;

// The least round number of which at most so many fit into `span`.
double tick_distance(double span) {
  const double least = span / most_ticks;
  const double decade = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * decade >= least) return factor * decade;
  return 10 * decade;
}

// As many digits as tell two ticks apart.
std::string label_of(double value, double distance) {
  if (std::fabs(value) < distance / 2) return "0";
  const double digits = std::floor(std::log10(std::fabs(value))) - std::floor(std::log10(distance));
  return fmt::format("{:.{}g}", value, std::clamp(static_cast<int>(digits) + 1, 1, 8));
}

std::vector<ChartAxis::Tick> round_ticks(double low, double high, double distance) {
  std::vector<ChartAxis::Tick> ticks;
  for (double i = std::ceil(low / distance); i * distance <= high; ++i)
    ticks.push_back({i * distance, label_of(i * distance, distance)});
  return ticks;
}

}  // namespace

double ChartAxis::place(double value) const {
  const auto scaled = [&](double v) { return logarithmic ? std::log10(v) : v; };
  return (scaled(value) - scaled(low)) / (scaled(high) - scaled(low));
}

ChartAxis linear_axis(double low, double high) {
  // A constant, or what differs in its last digits alone, gets room on both sides.
  const double most = std::max(std::fabs(low), std::fabs(high));
  const double least_span = most == 0 ? 1 : 1e-6 * most;
  double room = 0.06 * (high - low);
  if (high - low < least_span) room = most == 0 ? 1 : 0.05 * most;
  ChartAxis axis{low - room, high + room, false, {}};
  axis.ticks = round_ticks(axis.low, axis.high, tick_distance(axis.high - axis.low));
  return axis;
}

ChartAxis logarithmic_axis(double low, double high) {
  const double first = std::floor(std::log10(low));
  const double last = std::max(first + 1, std::ceil(std::log10(high)));
  ChartAxis axis{std::pow(10, first), std::pow(10, last), true, {}};
  const double distance = std::ceil((last - first) / most_ticks);
  for (double decade = first; decade <= last; decade += distance)
    axis.ticks.push_back({std::pow(10, decade), rounded(std::pow(10, decade))});
  return axis;
}

ChartAxis step_axis(int first, int last) {
  ChartAxis axis{
      static_cast<double>(first), static_cast<double>(std::max(last, first + 1)), false, {}};
  const double distance = std::max(1.0, tick_distance(axis.high - axis.low));
  axis.ticks = round_ticks(axis.low, axis.high, distance);
  for (ChartAxis::Tick& tick : axis.ticks) tick.label = fmt::format("{:.0f}", tick.value);
  return axis;
}

}  // namespace shardproof::reports
