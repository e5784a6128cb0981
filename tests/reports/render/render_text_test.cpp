#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "reports/render/format.hpp"
#include "reports/render/headline.hpp"
#include "reports/render/html.hpp"
#include "reports/render/summary_json.hpp"
#include "reports/render/text.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "tests/reports/render/sample_verdicts.hpp"
#include "tests/reports/render/snapshot.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

BOOST_AUTO_TEST_SUITE(render_text)

BOOST_AUTO_TEST_CASE(each_kind_of_verdict_reads_as_kept) {
  check_snapshot("pass.txt", verdict_text(passing_verdict(), "out/report.html"));
  check_snapshot("fail.txt", verdict_text(failing_verdict(), "out/report.html"));
  check_snapshot("suspected.txt", verdict_text(suspected_verdict(), "out/report.html"));
  check_snapshot("unknown.txt", verdict_text(unknown_verdict(), ""));
  check_snapshot("error.txt", verdict_text(error_verdict(), "out/report.html"));
}

BOOST_AUTO_TEST_CASE(a_run_with_the_bits_of_a_judged_one_says_of_which_and_what_has_changed) {
  Verdict verdict = passing_verdict();
  verdict.baseline = BaselineUse{"b/baseline.h5", "2026-11-28 23:10:05 UTC", {}};
  BOOST_TEST(verdict_text(verdict, "")
                 .starts_with("PASS llama-tp2-dp2: reference, sim, real: bits of the judged run of "
                              "2026-11-28 23:10:05 "
                              "UTC\n"));
  BOOST_TEST(changes_text(verdict) == "");
  verdict.conclusion = Conclusion::unknown;
  BOOST_TEST(changes_text(verdict).ends_with("suspect a race, or the hardware"));
  verdict.baseline->changes = {"blas: A, now B", "cpu: C, now D"};
  BOOST_TEST(verdict_text(verdict, "").find("since then blas: A, now B; cpu: C, now D\n") !=
             std::string::npos);
  BOOST_TEST(report_html(verdict).find("blas: A, now B") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_pass_says_why_its_shadow_was_left_out_unless_the_user_did_that) {
  Verdict verdict = passing_verdict();
  const auto says = [&](const std::string& part) {
    return verdict_text(verdict, "").find(part) != std::string::npos;
  };
  verdict.shadow = ShadowChoice{false, 1, 0.7, {}, "too dear: --shadow runs it"};

  BOOST_TEST(says("  note       the fp64 shadow was left out: too dear: --shadow runs it\n"));
  verdict.shadow->reason = shadow_declined;
  BOOST_TEST(!says("shadow was"));
  verdict.shadow = without_shadow("there can be none");
  BOOST_TEST(!says("shadow was"));
  verdict.shadow = ShadowChoice{true, 1, 0.2, {}, ""};
  BOOST_TEST(!says("shadow was"));
}

BOOST_AUTO_TEST_CASE(a_verdict_with_everything_in_it_has_at_most_twelve_lines) {
  Verdict verdict = failing_verdict();
  verdict.first_divergence->cause = Cause{"stale: equals /a", 2.0, 0.5};
  verdict.errors = {"one\ntwo", "three", "four"};
  verdict.injected.push_back("another");
  verdict.hardware_simulated = true;
  verdict.steps = 3;
  verdict.skipped = {{"sim", 0, 65536.0}, {"real", 0, 65536.0}};

  const std::string text = verdict_text(verdict, "r.html");

  BOOST_TEST(std::count(text.begin(), text.end(), '\n') <= 12);
  BOOST_TEST(text.find("stale: equals /a, coefficient 2, score 0.5") != std::string::npos);
  BOOST_TEST(text.find("one two (and 2 more)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(on_simulated_hardware_every_verdict_says_what_it_does_not_prove) {
  const std::string sentence =
      "; on simulated GPUs: this proves the code's logic, and nothing about any GPU\n";
  for (Verdict verdict : {passing_verdict(), failing_verdict(), unknown_verdict()}) {
    BOOST_TEST(verdict_text(verdict, "r.html").find(sentence) == std::string::npos);
    verdict.hardware_simulated = true;
    BOOST_TEST(verdict_text(verdict, "r.html").find(sentence) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(what_is_to_be_known_of_the_input_stands_beside_every_verdict) {
  for (Verdict verdict : {passing_verdict(), failing_verdict(), unknown_verdict()}) {
    verdict.notices = {"the trainer <fills in> lr", "an ignored\nkey"};
    BOOST_TEST(verdict_text(verdict, "r.html")
                   .ends_with("  note       the trainer <fills in> lr\n"
                              "  note       an ignored key\n"));
    BOOST_TEST(report_html(verdict).find("the trainer &lt;fills in&gt; lr<br>an ignored\nkey") !=
               std::string::npos);
    BOOST_TEST(summary_json(verdict).find("\"the trainer <fills in> lr\"") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(numbers_of_a_cause_are_shown_where_they_say_more_than_its_name) {
  BOOST_TEST(cause_text({"bits equal to /a", 1.0, 1.0}) == "bits equal to /a");
  BOOST_TEST(cause_text({"nan", {}, {}}) == "nan");
  BOOST_TEST(cause_text({"factor", 0.5, 1.0, "1/tp"}) ==
             "0.5 times the expected value, everywhere (1/tp)");
  BOOST_TEST(cause_text({"factor", 2.0, 0.7, "tp"}) ==
             "2 times the expected value in 70 % of the wrong elements (tp)");
  BOOST_TEST(cause_text({"part missing", 1.0, 1.0, "rank 1's part is missing from the sum"}) ==
             "rank 1's part is missing from the sum");
  BOOST_TEST(cause_text({"bits equal to /a", 1.0, 1.0, "stale", true, {{"factor", 2.0, 1.0}}}) ==
             "stale: bits equal to /a; that is: 2 times the expected value, everywhere");
  BOOST_TEST(cause_text({"equals /a", 0.5, 1.0}) == "equals /a, coefficient 0.5");
  BOOST_TEST(cause_text({"equals /a", 1.0, 0.25}) == "equals /a, score 0.25");
}

BOOST_AUTO_TEST_CASE(one_execution_is_right_and_two_agree) {
  Verdict verdict = passing_verdict();
  BOOST_TEST(verdict_text(verdict, "").find("reference, sim, real agree") != std::string::npos);
  verdict.executions = {"sim"};
  BOOST_TEST(verdict_text(verdict, "").find(": sim is right\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(skipped_steps_and_the_distance_from_the_reference_stand_in_every_place) {
  Verdict verdict = passing_verdict();
  verdict.steps = 3;
  verdict.skipped = {
      {"sim", 0, 65536.0}, {"sim", 2, 32768.0}, {"real", 0, 65536.0}, {"real", 2, 32768.0}};
  const std::string skips =
      "2 of 3 steps: step 0 (loss scale 6.55e+04), step 2 (loss scale "
      "3.28e+04)";
  const std::string trend = "loss 4.1 to 3.9; from fp64 at most: loss 0.02";
  for (const std::string& text : {verdict_text(verdict, ""), report_html(verdict)}) {
    BOOST_TEST(text.find(skips) != std::string::npos, text);
    BOOST_TEST(text.find(trend) != std::string::npos, text);
  }
  const JsonValue summary = parse_json(summary_json(verdict), "summary.json");
  BOOST_TEST(summary.find("skipped")->elements.at(1).find("loss_scale")->number == 32768);
  BOOST_TEST(summary.find("trend")->elements.at(0).find("reference")->number == 4.1);

  verdict.trend[1].value = std::nan("");
  BOOST_TEST(trend_text(verdict).find("at most: loss inf") != std::string::npos);
  verdict.skipped.pop_back();  // the executions no longer say the same
  BOOST_TEST(verdict_text(verdict, "").find("sim: 2 of 3 steps") != std::string::npos);
  BOOST_TEST(verdict_text(verdict, "").find("; real: 1 of 3 steps") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_in_a_verdict_can_drive_the_terminal) {
  Verdict verdict = error_verdict();
  verdict.scenario = "a\x1b[2Jb";
  BOOST_TEST(verdict_text(verdict, "").find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_check_without_a_divergence_names_itself_in_the_first_line) {
  Verdict verdict = passing_verdict();
  verdict.conclusion = Conclusion::fail;
  check_of(verdict, "collectives").outcome = Outcome::fail;
  check_of(verdict, "collectives").reason = "rank 1 issued 27 of 28";
  BOOST_TEST(verdict_text(verdict, "")
                 .starts_with("FAIL llama-tp2-dp2: collectives: rank 1 issued 27 of 28\n"));
}

BOOST_AUTO_TEST_CASE(ranks_fold_from_three_in_a_row) {
  BOOST_TEST(rank_list({}) == "");
  BOOST_TEST(rank_list({3}) == "3");
  BOOST_TEST(rank_list({0, 1}) == "0,1");
  BOOST_TEST(rank_list({0, 1, 2, 5, 7, 8}) == "0-2,5,7,8");
}

BOOST_AUTO_TEST_CASE(a_check_of_another_name_or_given_twice_is_refused) {
  Verdict verdict = passing_verdict();
  verdict.checks[0].name = "plans";
  BOOST_CHECK_THROW(all_checks(verdict), InvariantError);
  verdict.checks[0].name = "policy";
  BOOST_CHECK_THROW(all_checks(verdict), InvariantError);
}

BOOST_AUTO_TEST_SUITE_END()
