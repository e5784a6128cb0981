#include "reports/render/line_chart.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "reports/render/bound_chart.hpp"
#include "reports/render/chart_axis.hpp"
#include "reports/render/trend_chart.hpp"
#include "tests/reports/render/occurrences.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

std::string labels(const ChartAxis& axis) {
  std::string text;
  for (const ChartAxis::Tick& tick : axis.ticks) text += (text.empty() ? "" : " ") + tick.label;
  return text;
}

LineChart chart(const std::vector<std::pair<int, double>>& points) {
  return {.title = "loss", .curves = {{"sim", points}}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(line_chart)

BOOST_AUTO_TEST_CASE(ticks_are_round_numbers_that_can_be_told_apart) {
  BOOST_TEST(labels(linear_axis(3.31, 3.47)) == "3.35 3.4 3.45");
  BOOST_TEST(labels(linear_axis(0, 8)) == "0 5");
  BOOST_TEST(labels(linear_axis(-1, 1)) == "-1 0 1");
  BOOST_TEST(labels(linear_axis(4.1, 4.1)) == "4 4.2");
  BOOST_TEST(labels(linear_axis(0, 0)) == "-1 -0.5 0 0.5 1");
  BOOST_TEST(labels(linear_axis(1.00001, 1.00004)) == "1.00001 1.00002 1.00003 1.00004");
  BOOST_TEST(labels(logarithmic_axis(0.02, 3)) == "0.01 0.1 1 10");
  BOOST_TEST(labels(logarithmic_axis(1e-9, 2)) == "1e-09 1e-06 0.001 1");
  BOOST_TEST(labels(logarithmic_axis(1, 1)) == "1 10");
  BOOST_TEST(labels(step_axis(0, 9)) == "0 5");
  BOOST_TEST(labels(step_axis(4, 6)) == "4 5 6");
}

BOOST_AUTO_TEST_CASE(a_value_lies_where_its_axis_says) {
  BOOST_TEST(linear_axis(0, 1).place(0.5) == 0.5);
  BOOST_TEST(logarithmic_axis(0.01, 1).place(0.1) == 0.5, boost::test_tools::tolerance(1e-12));

  // 62 to 328 across; 154 to 18 up, with 6 percent of the span on both sides.
  const std::string html = chart({{0, 1}, {1, 3}, {2, 2}}).html();

  BOOST_TEST(contains(html, "<polyline points=\"62.0,146.7 195.0,25.3 328.0,86.0\"/>"));
  BOOST_TEST(occurrences(html, "<circle") == 4u);  // and one in the key
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_leaves_a_gap) {
  const std::string html = chart({{0, 1}, {1, 1}, {2, no_number}, {3, 1}, {4, 1}}).html();

  BOOST_TEST(occurrences(html, "<polyline points=") == 3u);  // two stretches and the key
  BOOST_TEST(!contains(html, "nan,"));
  BOOST_TEST(!contains(html, ",nan"));
}

BOOST_AUTO_TEST_CASE(without_two_steps_that_have_a_value_there_is_no_chart) {
  BOOST_TEST(chart({}).html() == "");
  BOOST_TEST(chart({{3, 1}}).html() == "");
  BOOST_TEST(chart({{0, no_number}, {1, 2}, {2, INFINITY}}).html() == "");
  LineChart zeros = chart({{0, 0}, {1, 0}});
  BOOST_TEST(zeros.html() != "");
  zeros.logarithmic = true;
  BOOST_TEST(zeros.html() == "");
}

BOOST_AUTO_TEST_CASE(a_chart_says_in_words_what_it_shows_and_escapes_them) {
  LineChart two = chart({{0, 4}, {1, 3}});
  two.title = "<i>\"loss\"";
  two.curves.push_back({.name = "reference", .points = {{0, 4.5}, {1, 2}}, .is_reference = true});
  two.marks = {{"▼", "skipped", {1}}};

  const std::string html = two.html();

  BOOST_TEST(contains(html,
                      "aria-label=\"&lt;i&gt;&quot;loss&quot; by step, 0 to 1; sim from 4 to 3; "
                      "reference from 4.5 to 2; 1 step skipped\""));
  BOOST_TEST(!contains(html, "<i>"));
  BOOST_TEST(contains(html, "<g class=\"curve reference\">"));
  BOOST_TEST(contains(html, "text-anchor=\"middle\">▼</text>"));
}

BOOST_AUTO_TEST_CASE(of_very_many_steps_the_largest_values_are_drawn) {
  LineChart many = chart({});
  for (int step = 0; step < 100'000; ++step)
    many.curves[0].points.emplace_back(step, step == 54'321 ? 9.0 : 1.0);
  many.marks = {{"▼", "skipped", {}}};
  for (int step = 0; step < 100'000; ++step) many.marks[0].steps.push_back(step);

  const std::string html = many.html();

  BOOST_TEST(html.size() < 40'000u);
  BOOST_TEST(contains(html, ",25.3"));  // the 9
  BOOST_TEST(contains(html, "of each 500 steps the largest"));
}

BOOST_AUTO_TEST_CASE(errors_stand_beside_the_bound_and_failing_steps_are_marked) {
  std::vector<StepError> errors;
  for (const char* execution : {"sim", "real"})
    for (int step = 0; step < 3; ++step)
      errors.push_back({execution, step, step == 1 ? 30.0 : 0.3, "/step/x", 5, step == 1});

  const std::string html = bound_html(errors);

  // From 0.1 to 100: 0.3 at 0.159 of the height, the bound at a third, 30 at 0.826.
  BOOST_TEST(contains(html, "points=\"62.0,132.4 195.0,41.7 328.0,132.4\""));
  BOOST_TEST(contains(html, "class=\"limit\" x1=\"62.0\" y1=\"108.7\""));
  BOOST_TEST(contains(html, "The largest is 30: <code>/step/x</code>, rank 5, sim."));
  BOOST_TEST(contains(html, "1 step with a failing unit"));
  BOOST_TEST(occurrences(html, "✗ FAIL") == 2u);
}

BOOST_AUTO_TEST_CASE(the_bound_is_seen_however_near_to_it_all_errors_are) {
  const std::string html = bound_html({{"sim", 0, 1, "x", 0, false}, {"sim", 1, 1, "x", 0, false}});
  BOOST_TEST(contains(html, "class=\"limit\" x1=\"62.0\" y1=\"86.0\""));
}

BOOST_AUTO_TEST_CASE(errors_of_one_step_have_no_chart_and_no_step_no_section) {
  BOOST_TEST(bound_html({}) == "");
  const std::string html = bound_html({{"sim", 0, 0, "", 0, false}});
  BOOST_TEST(contains(html, "compared bit by bit"));
  BOOST_TEST(!contains(html, "<svg"));
}

BOOST_AUTO_TEST_CASE(loss_and_norm_have_the_reference_beside_them_and_a_distance_has_none) {
  std::vector<TrendPoint> trend;
  for (int step = 0; step < 2; ++step) {
    trend.push_back({"sim", step, "loss", 4.0 - step, 3.5 - step});
    trend.push_back({"sim", step, "parameter relative error", 1e-7 * (1 + step), 0.0});
  }

  const std::string html = charts_html(trend);

  BOOST_TEST(occurrences(html, "<figure>") == 2u);
  BOOST_TEST(occurrences(html, "reference, fp64 from 3.5 to 2.5") == 1u);
  BOOST_TEST(occurrences(html, "class=\"curve reference\"") == 2u);  // and its key
  BOOST_TEST(contains(html, ">1e-07<"));
}

BOOST_AUTO_TEST_CASE(a_loss_scale_is_drawn_where_it_changes_or_steps_were_skipped) {
  const auto scales = [](double last) {
    return std::vector<TrendPoint>{{"sim", 0, "loss_scale", 65536, {}},
                                   {"sim", 1, "loss_scale", last, {}}};
  };

  BOOST_TEST(charts_html(scales(65536)) == "");
  BOOST_TEST(contains(charts_html(scales(32768)), "loss_scale"));
  const std::string skipped =
      charts_html(scales(65536), {{"sim", 0, 65536.0}, {"real", 0, 65536.0}});
  BOOST_TEST(contains(skipped, "1 step skipped"));
}

BOOST_AUTO_TEST_SUITE_END()
