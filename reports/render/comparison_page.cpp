#include <algorithm>
#include <cctype>

#include "reports/render/comparison.hpp"
#include "reports/render/escape.hpp"
#include "reports/render/format.hpp"
#include "reports/render/html_parts.hpp"
#include "reports/render/page_assets.hpp"
#include "reports/render/trend_chart.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

using State = TensorComparison::State;

constexpr std::int64_t max_rows = 500;

// How the page is coloured: as a verdict would be.
std::string look_of(Answer answer) {
  if (answer == Answer::unknown) return "unknown";
  return answer == Answer::different ? "fail" : "pass";
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string side_html(const TraceComparison::Side& side) {
  const std::string verdict = verdict_text_of(side);
  return code(side.folder) + "<br>" + html_escaped(side.about) +
         (verdict.empty() ? "" : "<br>judged by itself: " + html_escaped(verdict));
}

std::string answer_html(const TraceComparison& comparison) {
  Terms terms;
  terms.add("A", side_html(comparison.a));
  terms.add("B", side_html(comparison.b));
  terms.add("tensors", html_escaped(counts_text(comparison.tensors)));
  terms.add("why bits part", html_escaped(comparison.reason));
  std::string keys;
  for (const std::string& key : comparison.task_keys)
    keys += (keys.empty() ? "" : "<br>") + code(key);
  terms.add("the tasks differ in", keys);
  terms.add("exit code", std::to_string(comparison.exit_code()));
  return terms.html();
}

std::string first_html(const TensorsSideBySide& sides, int index, const std::string& title) {
  if (index < 0) return "";
  const TensorComparison& tensor = sides.tensors[static_cast<std::size_t>(index)];
  Terms terms;
  terms.add("tensor", code(tensor.path));
  terms.add("element", code(index_text(tensor.first_index)));
  terms.add("A", code(number_with_bits(tensor.elements.expected)) + " by " + code(tensor.op_a));
  terms.add("B", code(number_with_bits(tensor.elements.got)) + " by " + code(tensor.op_b));
  return "<section><h2>" + html_escaped(title) + "</h2>\n" + terms.html() + "</section>\n";
}

std::string growth_html(const std::vector<StepDistance>& growth) {
  std::vector<TrendPoint> points;
  std::string rows;
  for (const StepDistance& step : growth) {
    points.push_back({"", step.step, "outputs", step.outputs, std::nullopt});
    points.push_back({"", step.step, "gradients", step.gradients, std::nullopt});
    points.push_back({"", step.step, "parameters", step.parameters, std::nullopt});
    rows += "<tr><td class=\"number\">" + std::to_string(step.step) + "</td>";
    for (const double distance : {step.outputs, step.gradients, step.parameters})
      rows += "<td class=\"number\">" + rounded(distance) + "</td>";
    rows += "</tr>\n";
  }
  if (rows.empty()) return "<p>No step is in both.</p>";
  return charts_html(points) +
         "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Distances\">"
         "<table><thead><tr><th class=\"number\">after step</th><th class=\"number\">outputs</th>"
         "<th class=\"number\">gradients</th><th class=\"number\">parameters</th></tr></thead>"
         "<tbody>\n" +
         rows + "</tbody></table></div>";
}

std::string number_cell(const std::string& text) {
  return "<td class=\"number\">" + text + "</td>";
}

std::string left_out(std::int64_t rows) {
  return rows <= max_rows ? ""
                          : "<p>" + with_thousands(rows - max_rows) + " more are in the JSON.</p>";
}

std::string tensors_html(const TraceComparison& comparison) {
  std::string rows;
  std::int64_t count = 0;
  for (const TensorComparison& tensor : comparison.tensors.tensors)
    if (tensor.state == State::different && count++ < max_rows)
      rows += "<tr><th scope=\"row\" class=\"name\">" + html_escaped(tensor.path) + "</th>" +
              number_cell(with_thousands(tensor.elements.failed) + " of " +
                          with_thousands(tensor.elements.compared)) +
              number_cell(rounded(tensor.relative_distance())) +
              number_cell(part_of_bound(comparison.a, tensor.path)) +
              number_cell(part_of_bound(comparison.b, tensor.path)) + "</tr>\n";
  if (count == 0) return "<p>None, of those that could be compared.</p>";
  return "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Tensors\"><table>"
         "<thead><tr><th>in order of execution</th><th class=\"number\">elements</th>"
         "<th class=\"number\">relative distance</th>"
         "<th class=\"number\">A's part of its bound</th><th class=\"number\">B's</th></tr></thead>"
         "<tbody>\n" +
         rows + "</tbody></table></div>" + left_out(count);
}

std::string others_html(const TensorsSideBySide& sides) {
  std::string rows;
  std::int64_t count = 0;
  for (const TensorComparison& tensor : sides.tensors)
    if (tensor.state != State::equal && tensor.state != State::different && count++ < max_rows)
      rows += "<tr><th scope=\"row\" class=\"name\">" + html_escaped(tensor.path) +
              "</th><td class=\"reason\">" + html_escaped(why_not_compared(tensor)) +
              "</td></tr>\n";
  if (count == 0) return "";
  return "<section id=\"others\"><h2>Not compared</h2>\n<div class=\"scroll tall\" tabindex=\"0\" "
         "role=\"region\" aria-label=\"Not compared\"><table><thead><tr><th>tensor</th>"
         "<th>why</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>" + left_out(count) + "</section>\n";
}

}  // namespace

std::string comparison_html(const TraceComparison& comparison) {
  const TensorsSideBySide& sides = comparison.tensors;
  const int inputs_equal = sides.first_different_with_equal_inputs;
  Page page;
  page.kind = "comparison";
  page.look = look_of(comparison.answer);
  page.badge = upper(name_of(comparison.answer));
  page.title = page.badge + " - Shardproof comparison";
  page.subject = "A and B";
  page.headline = comparison_headline(comparison);
  page.main =
      fill(comparison_page_html(),
           {{"answer", answer_html(comparison)},
            {"first", first_html(sides, inputs_equal,
                                 "First that differs while its inputs were not seen to differ") +
                          (inputs_equal == sides.first_different
                               ? ""
                               : first_html(sides, sides.first_different, "First that differs"))},
            {"growth", growth_html(comparison.growth)},
            {"tensors", tensors_html(comparison)},
            {"others", others_html(sides)}});
  return page_of(page);
}

}  // namespace shardproof::reports
