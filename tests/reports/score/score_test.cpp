// What was found is held against what was expected: each part on its own, and nothing is found that
// was not.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>

#include "reports/score/magnitude_search.hpp"
#include "reports/score/score_report.hpp"
#include "scenarios/json/json_document.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

Fault a_fault(FaultClass kind = FaultClass::value) {
  Fault fault;
  fault.id = "some-<fault>";
  fault.what = "a sum is left out";
  fault.framework = "Some";
  fault.issue = "12";
  fault.kind = kind;
  fault.expected = {"op_local", "matmul", {}, {1, 3}, {"factor", "tp", 2.0}, ""};
  if (kind == FaultClass::refusal) fault.expected = {"", "", {}, {}, {}, "stage = 3"};
  return fault;
}

Finding as_expected() {
  Finding found;
  found.exit_code = 1;
  found.message = "FAIL";
  found.failed = {"plan", "op_local"};
  found.op = "matmul";
  found.ranks = {1, 3};
  found.causes = {{"factor", "2 times the expected value (tp)", 2.0}};
  found.losses = {{{"sim", 0}, 4.2}};
  return found;
}

Finding clean() {
  Finding found;
  found.losses = {{{"sim", 0}, 4.0}, {{"sim", 1}, 3.0}};
  return found;
}

bool are_next(const std::string& a, const std::string& b) {
  return a == b || (a == "all_reduce" && b == "matmul");
}

FaultScore score(const Finding& found, const Fault& fault = a_fault(),
                 const Finding& right = clean()) {
  return score_of(fault, found, right, are_next);
}

BOOST_AUTO_TEST_SUITE(fault_scores)

BOOST_AUTO_TEST_CASE(what_is_as_expected_holds) {
  const FaultScore scored = score(as_expected());

  BOOST_TEST(scored.holds(), scored.miss);
  BOOST_TEST((scored.detected && scored.by_check && scored.op_right && scored.op_exact &&
              scored.ranks_right && scored.cause_right));
  BOOST_TEST(scored.loss_change.value() == 0.05, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(scored.loss_shows());
}

// The edit did nothing: whatever the file expects, it is a miss.
BOOST_AUTO_TEST_CASE(a_run_that_passes_has_found_nothing) {
  Finding found = clean();
  found.message = "PASS";

  const FaultScore scored = score(found);

  BOOST_TEST(!scored.holds());
  BOOST_TEST(!scored.detected);
  BOOST_TEST(scored.miss == "was not detected: PASS");
  BOOST_TEST(!scored.loss_shows());
}

BOOST_AUTO_TEST_CASE(a_run_without_a_verdict_has_found_nothing) {
  for (const int exit_code : {2, 3}) {
    Finding found = as_expected();
    found.exit_code = exit_code;

    BOOST_TEST(!score(found).detected);
  }
}

BOOST_AUTO_TEST_CASE(a_fault_in_what_fails_anyway_proves_nothing) {
  Finding fails = clean();
  fails.exit_code = 1;

  const FaultScore scored = score(as_expected(), a_fault(), fails);

  BOOST_TEST(!scored.detected);
  BOOST_TEST(scored.miss.starts_with("its clean run fails"));
}

BOOST_AUTO_TEST_CASE(each_wrong_expectation_is_a_miss) {
  Finding other_check = as_expected(), other_op = as_expected(), other_ranks = as_expected(),
          other_cause = as_expected(), other_factor = as_expected(), other_words = as_expected(),
          no_cause = as_expected();
  other_check.failed = {"plan"};
  other_op.op = "softmax";
  other_ranks.ranks = {1};
  other_cause.causes[0].name = "zeros";
  other_factor.causes[0].coefficient = 2.01;
  other_words.causes[0].text = "2 times the expected value (dp)";
  no_cause.causes = {};

  BOOST_TEST((score(other_check).detected && !score(other_check).by_check));
  BOOST_TEST((score(other_op).detected && !score(other_op).op_right));
  BOOST_TEST((score(other_ranks).op_right && !score(other_ranks).ranks_right));
  for (const Finding& found : {other_cause, other_factor, other_words, no_cause})
    BOOST_TEST((score(found).ranks_right && !score(found).cause_right));
  for (const Finding& found :
       {other_check, other_op, other_ranks, other_cause, other_factor, other_words, no_cause})
    BOOST_TEST(!score(found).holds());
}

BOOST_AUTO_TEST_CASE(an_op_beside_the_right_one_is_right_and_not_exact) {
  Finding found = as_expected();
  found.op = "all_reduce";

  BOOST_TEST(score(found).holds());
  BOOST_TEST(score(found).op_right);
  BOOST_TEST(!score(found).op_exact);
}

BOOST_AUTO_TEST_CASE(a_cause_that_predicts_the_same_numbers_is_right) {
  Finding found = as_expected();
  found.causes.insert(found.causes.begin(), {"summed over tp", "", {}});

  BOOST_TEST(score(found).cause_right);
}

BOOST_AUTO_TEST_CASE(no_cause_is_right_where_none_is_expected) {
  Fault fault = a_fault();
  fault.expected.cause = {"none", "", {}};
  Finding found = as_expected();

  BOOST_TEST(!score(found, fault).cause_right);
  found.causes = {};
  BOOST_TEST(score(found, fault).cause_right);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_right_for_its_own_reason_alone) {
  const Fault fault = a_fault(FaultClass::refusal);
  const auto refused = [&](int exit_code, const std::string& message) {
    Finding found;
    found.exit_code = exit_code;
    found.message = message;
    return score(found, fault);
  };

  BOOST_TEST(refused(2, "file:1:2: stage = 3: expected 0").holds());
  BOOST_TEST(refused(2, "there is no such file").detected);
  BOOST_TEST(!refused(2, "there is no such file").holds());
  BOOST_TEST(!refused(0, "stage = 3").detected);
}

BOOST_AUTO_TEST_CASE(a_legitimate_run_must_pass) {
  const Fault fault = a_fault(FaultClass::legitimate);

  BOOST_TEST(score(clean(), fault).holds());
  BOOST_TEST(!score(as_expected(), fault).holds());
  Finding undecided = clean();
  undecided.exit_code = 2;
  BOOST_TEST(!score(undecided, fault).holds());
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_is_seen) {
  Finding found = as_expected();
  found.losses = {{{"sim", 1}, std::nan("")}};

  BOOST_TEST(std::isinf(score(found).loss_change.value()));
  found.losses = {{{"real", 1}, 1.0}};
  BOOST_TEST(!score(found).loss_change.has_value());
}

BOOST_AUTO_TEST_CASE(a_search_ends_at_the_smallest_that_is_seen) {
  for (const double smallest : {0.3, 1e-3, 1e-9}) {
    Bisection search(0.5);
    while (!search.done()) search.tell(search.next() >= smallest);

    BOOST_TEST(search.smallest() >= smallest);
    BOOST_TEST(search.smallest() <= 1.1 * smallest);
  }
}

// Only its own check counts.
BOOST_AUTO_TEST_CASE(a_magnitude_is_the_smallest_that_the_expected_check_sees) {
  Fault fault = a_fault();
  fault.inject = parse_json(R"([{"edit": "scale", "op": "matmul", "factor": 0.5}])", "inject");
  FaultScore scored = score(as_expected(), fault);
  BOOST_TEST_REQUIRE(MagnitudeSearch::is_for(scored));
  MagnitudeSearch search(scored);

  while (!search.done()) {
    const double factor = search.edits().elements[0].find("factor")->number;
    Finding found = as_expected();
    found.used = 0.001;
    if (factor > 0.99) found.failed = {"plan"};
    search.tell(found);
  }

  BOOST_TEST(scored.magnitude->found >= 0.01);
  BOOST_TEST(scored.magnitude->found <= 0.011);
  BOOST_TEST(scored.magnitude->predicted.value() == 0.001);
  fault.inject.elements.push_back(fault.inject.elements[0]);
  BOOST_TEST(!MagnitudeSearch::is_for(score(as_expected(), fault)));
}

BOOST_AUTO_TEST_CASE(a_summary_is_read_and_a_run_without_one_is_its_message) {
  const TemporaryFolder folder;
  std::ofstream(folder / "summary.json") << R"({
    "checks": [{"name": "plan", "outcome": "pass"}, {"name": "op_local", "outcome": "fail"}],
    "first_divergence": {"op": "matmul", "ranks": [1], "expected": 2, "bound": 0.5, "cause":
      {"name": "factor", "coefficient": 2, "text": "twice", "alternatives":
        [{"name": "zeros", "coefficient": null, "text": "zeros"}]}},
    "trend": [{"execution": "sim", "step": 1, "quantity": "loss", "value": "nan"},
              {"execution": "sim", "step": 1, "quantity": "grad_norm", "value": 1}]})";

  const Finding found = read_finding(1, "FAIL", folder.path().string());
  const Finding none = read_finding(2, "no verdict", "");

  BOOST_TEST(found.failed == std::vector<std::string>{"op_local"},
             boost::test_tools::per_element());
  BOOST_TEST(found.op == "matmul");
  BOOST_TEST(found.used.value() == 0.25);
  BOOST_TEST(found.causes.size() == 2U);
  BOOST_TEST(found.causes[0].coefficient.value() == 2);
  BOOST_TEST(found.losses.size() == 1U);
  BOOST_TEST(std::isnan(found.losses.at({"sim", 1})));
  BOOST_TEST(none.message == "no verdict");
  BOOST_TEST(none.op == "");
}

BOOST_AUTO_TEST_CASE(the_report_counts_and_names_what_was_missed) {
  Finding passes = clean();
  passes.message = "PASS";
  Fault corrected = a_fault();
  corrected.id = "other-fault";
  corrected.corrected = "it was another op";
  const std::vector<FaultScore> scores{score(as_expected(), corrected), score(passes),
                                       score(clean(), a_fault(FaultClass::legitimate))};

  const std::string text = score_text(scores);
  const JsonValue json = parse_json(score_json(scores, {}), "faults.json");
  const std::string page = score_html(scores, {});

  const ScoreCounts counts = counts_of(scores);
  BOOST_TEST(counts.faults == 2);
  BOOST_TEST(counts.detected == 1);
  BOOST_TEST(counts.corrected == 1);
  BOOST_TEST(counts.flagged == 0);
  BOOST_TEST(text.find("1 detected of 2 faults, 0 of 1 legitimate run flagged; 1 not as expected; "
                       "1 expectation corrected") == 0U,
             text);
  BOOST_TEST(text.find("MISSED: some-<fault>: was not detected: PASS") != std::string::npos, text);
  BOOST_TEST(json.find("not_as_expected")->integer == 1);
  BOOST_TEST(json.find("faults")->elements.size() == 3U);
  BOOST_TEST(json.find("classes")->find("value")->find("cause_right")->integer == 1);
  BOOST_TEST(page.find("NOT ALL AS EXPECTED") != std::string::npos);
  BOOST_TEST(page.find("some-&lt;fault&gt;") != std::string::npos);
  BOOST_TEST(page.find("some-<fault>") == std::string::npos);
  BOOST_TEST(page.find("it was another op") != std::string::npos);
  Finding other_ranks = as_expected();
  other_ranks.ranks = {1};
  BOOST_TEST(score_line(score(other_ranks)).starts_with("partly   some-<fault>  ranks 1"));
  BOOST_TEST(score_line(scores[0]).starts_with("found    other-fault  by op_local"));
  BOOST_TEST(score_line(scores[2]).starts_with("passes   "));
  BOOST_TEST(
      score_line(score(as_expected(), a_fault(FaultClass::legitimate))).starts_with("FLAGGED  "));
  BOOST_TEST(score_line(scores[1]).starts_with("MISSED   some-<fault>  was not detected"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
