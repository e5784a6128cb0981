#include "reports/render/heat_scale.hpp"

#include <algorithm>
#include <iterator>

#include "reports/render/format.hpp"

namespace shardproof::reports {

namespace {

constexpr double passing_limits[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1};
constexpr double failing_limits[] = {10, 1000};

template <std::size_t n>
int level_in(const double (&limits)[n], double part) {
  return static_cast<int>(std::ranges::lower_bound(limits, part) - limits);
}

std::string level_class(int level) { return "l" + std::to_string(level); }

// The last level of those that pass is the whole bound, however its edge was rounded.
HeatLook look_of_passing(double part) {
  const int level = std::min<int>(level_in(passing_limits, part), std::size(passing_limits) - 1);
  return {level_class(level), std::to_string(level)};
}

HeatLook look_of_failing(const TensorRow::Cell& cell) {
  const int beyond = cell.bounded ? level_in(failing_limits, cell.max_ratio) : 2;
  return {level_class(static_cast<int>(std::size(passing_limits)) + beyond), "✗"};
}

std::string entry(const HeatLook& look, const std::string& meaning) {
  return "<li><span class=\"cell " + look.css_class + "\">" + look.sign + "</span> " + meaning +
         "</li>";
}

}  // namespace

HeatLook heat_look(const TensorRow::Cell& cell) {
  if (cell.failed) return look_of_failing(cell);
  if (cell.unknown) return {"u", "?"};
  if (!cell.judged) return {"", ""};
  return cell.bounded ? look_of_passing(cell.max_ratio) : HeatLook{"b", "="};
}

std::string heat_legend_html() {
  std::string html = "<ul class=\"legend\" aria-label=\"Signs of the heat map\">";
  html += entry({"b", "="}, "equal bit by bit");
  for (const double limit : passing_limits)
    html += entry(look_of_passing(limit), (limit < 1 ? "to " : "to the bound: ") + rounded(limit));
  const auto failing = [](double part) {
    return look_of_failing(
        {.judged = true, .failed = true, .max_ratio = part, .first_failure = {}, .bounded = true});
  };
  html += entry(failing(10), "failed: beyond the bound, to 10");
  html += entry(failing(1000), "to 1000");
  html += entry(failing(1e9), "more, or other bits");
  html += entry({"u", "?"}, "could not be judged");
  return html + entry({"", ""}, "nothing to judge there") + "</ul>\n";
}

}  // namespace shardproof::reports
