#include "reports/render/bound_chart.hpp"

#include <algorithm>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"
#include "reports/render/line_chart.hpp"

namespace shardproof::reports {

namespace {

LineChart chart_of(const std::vector<StepError>& errors) {
  LineChart chart{.title = "largest part of a bound",
                  .marks = {{"✗", "with a failing unit"}},
                  .limit = LineChart::Limit{1, "the bound"},
                  .logarithmic = true};
  std::vector<int>& failing = chart.marks.front().steps;
  for (const StepError& error : errors) {
    if (chart.curves.empty() || chart.curves.back().name != error.execution)
      chart.curves.push_back({error.execution});
    chart.curves.back().points.emplace_back(error.step, error.max_ratio);
    if (error.failed) failing.push_back(error.step);
  }
  std::ranges::sort(failing);
  failing.erase(std::unique(failing.begin(), failing.end()), failing.end());
  return chart;
}

std::string sentence(const std::vector<StepError>& errors) {
  const StepError& worst = *std::ranges::max_element(errors, {}, &StepError::max_ratio);
  if (worst.tensor.empty()) return "All that was judged in a step was compared bit by bit.";
  return "The largest is " + rounded(worst.max_ratio) + ": " + code(worst.tensor) + ", rank " +
         std::to_string(worst.rank) + ", " + html_escaped(worst.execution) +
         ". 1 is the whole bound; more fails.";
}

std::string numbers(const std::vector<StepError>& errors) {
  std::string rows;
  std::size_t shown = 0;
  for (const StepError& error : errors) {
    if (shown++ == max_table_rows) break;
    rows += "<tr><td>" + html_escaped(error.execution) + "</td><td class=\"number\">" +
            std::to_string(error.step) + "</td>" +
            (error.failed ? "<td class=\"failed\">✗ FAIL</td>" : "<td>ok</td>") +
            "<td class=\"number\">" + (error.tensor.empty() ? "" : rounded(error.max_ratio)) +
            "</td><td class=\"name\">" + html_escaped(error.tensor) + "</td><td class=\"number\">" +
            (error.tensor.empty() ? "" : std::to_string(error.rank)) + "</td></tr>\n";
  }
  return folded_html("The numbers",
                     scrolled_table("Errors by step",
                                    "<th>execution</th><th class=\"number\">step</th><th>units</th>"
                                    "<th class=\"number\">largest part</th><th>of</th>"
                                    "<th class=\"number\">on rank</th>",
                                    rows) +
                         rows_left_out(errors.size()));
}

}  // namespace

std::string bound_html(const std::vector<StepError>& errors) {
  if (errors.empty()) return "";
  return "<p>" + sentence(errors) + "</p>\n<div class=\"charts\">" + chart_of(errors).html() +
         "</div>\n" + numbers(errors);
}

}  // namespace shardproof::reports
