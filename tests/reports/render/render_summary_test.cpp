#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "reports/render/summary_json.hpp"
#include "scenarios/json/json_document.hpp"
#include "tests/reports/render/sample_verdicts.hpp"
#include "tests/reports/render/snapshot.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

JsonValue summary_of(const Verdict& verdict) {
  return parse_json(summary_json(verdict), "summary");
}

std::string keys_of(const JsonValue& object) {
  std::string keys;
  for (const JsonMember& member : object.members) keys += member.key + " ";
  return keys;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(render_summary)

BOOST_AUTO_TEST_CASE(fields_are_those_of_the_schema_in_its_order) {
  const JsonValue summary = summary_of(failing_verdict());

  BOOST_TEST(
      keys_of(summary).starts_with("schema scenario scenario_hash executions hardware_simulated "
                                   "notices exit_code injected verdict checks "
                                   "first_divergence "));
  BOOST_TEST(keys_of(summary.find("checks")->elements[0]) ==
             "name proof outcome compared failed max_ratio reason ");
  BOOST_TEST(keys_of(*summary.find("first_divergence")) ==
             "execution step micro_step phase op tensor rank ranks index expected got error bound "
             "wrong_elements cause reason ");
}

BOOST_AUTO_TEST_CASE(suspects_power_and_what_is_vacuous_have_their_fields) {
  const JsonValue summary = summary_of(suspected_verdict());

  const JsonValue& suspect = summary.find("suspects")->elements.at(0);
  BOOST_TEST(keys_of(suspect) ==
             "execution step micro_step op tensor ranks index expected got z signature coefficient "
             "standard_error units ");
  BOOST_TEST(suspect.find("signature")->text == "factor");
  BOOST_TEST(keys_of(summary.find("power")->elements.at(0)) ==
             "tensor max_ratio scale scale_by_suspects steps bit ");
  BOOST_TEST(summary.find("vacuous")->elements.size() == 1U);
  BOOST_TEST(summary_of(passing_verdict()).find("suspects")->elements.empty());
}

BOOST_AUTO_TEST_CASE(every_check_is_there_in_one_order_even_if_none_was_reached) {
  const std::string order =
      "plan policy leaves collectives coverage edges replicas continuity op_local plan_units "
      "optimizer round_trip sim_real baseline shadow exact progress suspects end_to_end ";
  for (const Verdict& verdict : {passing_verdict(), failing_verdict(), error_verdict()}) {
    std::string names;
    const JsonValue summary = summary_of(verdict);
    for (const JsonValue& check : summary.find("checks")->elements) {
      names += check.find("name")->text + " ";
      BOOST_TEST((check.find("outcome")->text == "pass" || !check.find("reason")->text.empty()));
    }
    BOOST_TEST(names == order);
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_strings) {
  Verdict verdict = failing_verdict();
  verdict.first_divergence->got = std::nan("");
  verdict.first_divergence->error = std::numeric_limits<double>::infinity();
  verdict.first_divergence->expected = -std::numeric_limits<double>::infinity();

  const JsonValue first = *summary_of(verdict).find("first_divergence");

  BOOST_TEST(first.find("got")->text == "nan");
  BOOST_TEST(first.find("error")->text == "inf");
  BOOST_TEST(first.find("expected")->text == "-inf");
  BOOST_TEST(first.find("got")->is_string());
}

BOOST_AUTO_TEST_CASE(what_is_absent_is_null) {
  Verdict verdict = failing_verdict();
  verdict.first_divergence->moment.micro = -1;
  const JsonValue summary = summary_of(verdict);
  BOOST_TEST(summary.find("first_divergence")->find("micro_step")->is_null());
  BOOST_TEST(summary.find("first_divergence")->find("cause")->is_null());
  BOOST_TEST(summary_of(passing_verdict()).find("first_divergence")->is_null());
}

BOOST_AUTO_TEST_CASE(causes_that_predict_the_same_numbers_stand_with_the_first) {
  Verdict verdict = failing_verdict();
  Cause twice{"factor", 2.0};
  twice.alternatives = {{"summed over tp"}};
  verdict.first_divergence->cause = twice;

  const JsonValue summary = summary_of(verdict);

  const JsonValue& cause = *summary.find("first_divergence")->find("cause");
  BOOST_TEST(keys_of(cause) == "name coefficient score certain text alternatives ");
  BOOST_TEST_REQUIRE(cause.find("alternatives")->elements.size() == 1U);
  const JsonValue& other = cause.find("alternatives")->elements[0];
  BOOST_TEST(other.find("name")->text == "summed over tp");
  BOOST_TEST(keys_of(other) == keys_of(cause));
}

BOOST_AUTO_TEST_CASE(a_summary_reads_as_kept) {
  check_snapshot("fail.json", summary_json(failing_verdict()));
}

BOOST_AUTO_TEST_SUITE_END()
