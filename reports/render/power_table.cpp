#include "reports/render/power_table.hpp"

#include <algorithm>

#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"

namespace shardproof::reports {

namespace {

std::string number(const std::string& text) { return "<td class=\"number\">" + text + "</td>"; }

std::string row_html(const TensorRow& row) {
  const Power& power = *row.power;
  return "<tr><th scope=\"row\" class=\"name\">" + html_escaped(row.name) + "</th>" +
         number(rounded(row.max_ratio())) + number("1 + " + rounded(power.scale)) +
         number(power.scale_by_suspects ? "1 + " + rounded(*power.scale_by_suspects) : "") +
         number(rounded(power.steps)) + number(std::to_string(power.bit())) + "</tr>\n";
}

}  // namespace

std::vector<std::string> vacuous_of(const Verdict& verdict) {
  std::vector<std::string> vacuous;
  for (const TensorRow& row : verdict.tensors)
    if (!row.vacuous.empty()) vacuous.push_back(row.name + ": " + row.vacuous);
  for (const CheckResult& check : verdict.checks)
    if (check.name == "replicas" && check.outcome == Outcome::not_run && !check.reason.empty())
      vacuous.push_back("replicas: " + check.reason);
  return vacuous;
}

std::string power_html(const Verdict& verdict) {
  std::string items, rows;
  for (const std::string& vacuous : vacuous_of(verdict))
    items += "<li>" + html_escaped(vacuous) + "</li>\n";
  std::size_t count = 0;
  for (const TensorRow& row : verdict.tensors)
    if (row.power && ++count <= max_table_rows) rows += row_html(row);
  std::string html;
  if (!items.empty()) html += "<p>Vacuous here:</p>\n<ul>\n" + items + "</ul>\n";
  if (rows.empty()) return html;
  return html +
         "<p>The smallest faults that would have been seen, at every moment and on every rank at "
         "which not all is zero: a "
         "factor, by the bound and by suspects; one element off by so many steps of its format, "
         "for half of the elements; the lowest bit.</p>\n" +
         rows_left_out(count) +
         scrolled_table("Power",
                        "<th>tensor</th><th class=\"number\">largest part of a bound</th>"
                        "<th class=\"number\">factor</th><th class=\"number\">by suspects</th>"
                        "<th class=\"number\">steps</th><th class=\"number\">bit</th>",
                        rows);
}

}  // namespace shardproof::reports
