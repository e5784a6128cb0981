#include <boost/test/unit_test.hpp>

#include "reports/render/escape.hpp"
#include "reports/render/html.hpp"
#include "reports/render/tensor_data.hpp"
#include "scenarios/json/json_document.hpp"
#include "tests/reports/render/occurrences.hpp"
#include "tests/reports/render/sample_verdicts.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

BOOST_AUTO_TEST_SUITE(render_html)

BOOST_AUTO_TEST_CASE(a_hostile_text_in_any_field_never_becomes_markup) {
  const std::string hostile = "<script>alert(1)</script><!-- \"'>{{js}}";
  Verdict verdict = failing_verdict();
  verdict.scenario = verdict.scenario_hash = verdict.plan_text = verdict.reproduce = hostile;
  verdict.errors = verdict.injected = verdict.executions = {hostile};
  verdict.environment[hostile] = hostile;
  verdict.timing[hostile] = 1;
  for (CheckResult& check : verdict.checks) check.reason = hostile;
  FirstDivergence& first = *verdict.first_divergence;
  verdict.suspects = suspected_verdict().suspects;
  verdict.suspects[0].first.op = verdict.suspects[0].first.tensor = hostile;
  verdict.tensors[0].vacuous = hostile;
  first.op = first.tensor = first.execution = hostile;
  first.cause = Cause{hostile, {}, {}};
  verdict.shadow->left_out = {hostile};
  verdict.tensors[0].name = verdict.tensors[1].cells[0].first_failure = hostile;
  verdict.trend[0].quantity = verdict.trend[0].execution = hostile;
  verdict.step_errors[0].execution = verdict.step_errors[0].tensor = hostile;

  const std::string page = report_html(verdict);

  const std::string clean = report_html(failing_verdict());
  BOOST_TEST(!contains(page, "<script>alert"));
  BOOST_TEST(occurrences(page, "<script") == occurrences(clean, "<script"));
  BOOST_TEST(occurrences(page, "</script") == occurrences(clean, "</script"));
  BOOST_TEST(!contains(page, "<!--"));
  BOOST_TEST(occurrences(page, "'use strict'") == 1u);
  BOOST_TEST(contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
}

BOOST_AUTO_TEST_CASE(script_escaped_json_reads_back_as_the_same_text) {
  const std::string text = "</script><!-- \xe2\x80\xa8\xe2\x80\xa9 \xe2\x80\xaa end";
  const std::string escaped = script_escaped(write_json(JsonValue(text)));
  BOOST_TEST(escaped.find('<') == std::string::npos);
  BOOST_TEST(!contains(escaped, "\xe2\x80\xa8"));
  BOOST_TEST(!contains(escaped, "\xe2\x80\xa9"));
  BOOST_TEST(parse_json(escaped, "escaped").text == text);
}

BOOST_AUTO_TEST_CASE(the_page_says_what_is_suspected_and_what_would_have_been_seen) {
  const std::string page = report_html(suspected_verdict());

  BOOST_TEST(contains(page, "id=\"suspects\""));
  BOOST_TEST(contains(page, "factor 1.0002 +- 1e-05, 143 deviations"));
  BOOST_TEST(contains(page, "backward/lm_head/grad_input: the bias is zero"));
  BOOST_TEST(contains(page, "1 + 0.002</td><td class=\"number\">1 + 0.0002</td>"));
  BOOST_TEST(!contains(report_html(passing_verdict()), "id=\"suspects\""));
}

BOOST_AUTO_TEST_CASE(the_page_needs_nothing_from_elsewhere) {
  const std::string page = report_html(passing_verdict());
  for (const char* word : {"http://", "https://", " src=", "@import", "url("})
    BOOST_TEST(!contains(page, word), word);
}

BOOST_AUTO_TEST_CASE(verdict_and_reproduction_come_before_the_tables) {
  const std::string page = report_html(failing_verdict());
  BOOST_TEST(page.find("First divergence") < page.find("id=\"checks\""));
  BOOST_TEST(page.find("shardproof run &#39;scenario.json&#39;") < page.find("id=\"checks\""));
  BOOST_TEST(contains(page, "✗ FAIL"));
}

BOOST_AUTO_TEST_CASE(what_the_shadow_has_not_is_said) {
  Verdict verdict = passing_verdict();
  BOOST_TEST(contains(report_html(verdict), "1 step in fp64, without all steps but the first"));
  verdict.shadow->runs = false;
  BOOST_TEST(!contains(report_html(verdict), " in fp64, without "));
}

BOOST_AUTO_TEST_CASE(failing_rows_come_first) {
  const TensorData data = tensor_data(failing_verdict().tensors, 10'000);
  BOOST_TEST(data.left_out == 0u);
  BOOST_TEST(data.json ==
             R"({"ranks":2,"rows":[["backward/lm_head/grad_input",[["3.21e+03",)"
             R"("/step/000001/micro/0"],null]],["forward/model.norm/output",["0.431",null]]]})");
}

BOOST_AUTO_TEST_CASE(what_was_not_judged_in_some_step_is_not_good) {
  TensorRow row{.name = "w", .cells = {}};
  row.cells = {{.judged = true, .max_ratio = 0.2, .first_failure = {}, .unknown = true},
               {.judged = true, .max_ratio = 0.2, .first_failure = {}}};
  BOOST_TEST(tensor_data({row}, 10'000).json == R"({"ranks":2,"rows":[["w",["?","0.2"]]]})");
}

BOOST_AUTO_TEST_CASE(a_page_of_a_huge_run_stays_below_two_megabytes_and_says_what_it_left_out) {
  Verdict verdict = failing_verdict();
  verdict.plan_text = std::string(3'000'000, 'x');
  verdict.errors = {std::string(3'000'000, 'y')};
  TensorRow row{.name = "forward/model.layers.0.mlp/activation", .cells = {}};
  row.cells.resize(512, {.judged = true, .failed = false, .max_ratio = 0.123, .first_failure = {}});
  verdict.tensors.insert(verdict.tensors.end(), 2000, row);
  for (int step = 0; step < 50'000; ++step) {
    verdict.trend.push_back({"sim", step, "loss", 4.1 - 0.1 * step, 4.1 - 0.09 * step});
    verdict.step_errors.push_back({"sim", step, 0.5, "/step/" + std::to_string(step), 3, true});
    verdict.skipped.push_back({"sim", step, 65536.0});
  }

  const std::string page = report_html(verdict);

  BOOST_TEST(page.size() < 2'000'000u);
  BOOST_TEST(contains(page, "did not fit on this page"));
  BOOST_TEST(contains(page, "3,000,000 bytes in all"));
  BOOST_TEST(contains(page, "rows are folded"));
  BOOST_TEST(contains(page, "The first 1,000 of "));
}

BOOST_AUTO_TEST_CASE(sixty_four_ranks_that_all_fail_keep_the_failing_cell_on_the_page) {
  Verdict verdict = failing_verdict();
  TensorRow row{.name = std::string(100, '&'), .cells = {}};
  row.cells.resize(64, {.judged = true,
                        .failed = true,
                        .max_ratio = 123.4,
                        .first_failure = "/step/000001/micro/0",
                        .bounded = true});
  verdict.tensors.insert(verdict.tensors.begin(), 5000, row);

  const std::string page = report_html(verdict);

  BOOST_TEST(page.size() < 2'000'000u);
  BOOST_TEST(occurrences(page, "id=\"failing-cell\"") == 1u);
  BOOST_TEST(contains(page, "<th scope=\"row\">✗&nbsp;backward/lm_head/grad_input</th>"));
}

BOOST_AUTO_TEST_CASE(what_has_no_data_has_no_section_and_no_link) {
  const std::string full = report_html(failing_verdict()), empty = report_html(error_verdict());
  for (const char* id : {"heat", "bound", "trend", "tensors", "plan", "environment", "timing"}) {
    BOOST_TEST(occurrences(full, "id=\"" + std::string(id) + "\"") == 1u, id);
    BOOST_TEST(occurrences(full, "href=\"#" + std::string(id) + "\"") == 1u, id);
    BOOST_TEST(!contains(empty, "id=\"" + std::string(id) + "\""), id);
    BOOST_TEST(!contains(empty, "href=\"#" + std::string(id) + "\""), id);
  }
  BOOST_TEST(!contains(empty, "<svg"));
}

BOOST_AUTO_TEST_CASE(plan_and_environment_are_folded) {
  const std::string page = report_html(passing_verdict());
  for (const char* title : {"Plan", "Environment", "Timing", "Tensors by rank"})
    BOOST_TEST(contains(page, "<details><summary><h2>" + std::string(title) + "</h2></summary>"),
               title);
}

BOOST_AUTO_TEST_SUITE_END()
