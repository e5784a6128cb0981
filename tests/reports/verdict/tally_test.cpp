#include "reports/verdict/tally.hpp"

#include <boost/test/unit_test.hpp>

namespace shardproof::reports {
namespace {

BOOST_AUTO_TEST_SUITE(tally)

BOOST_AUTO_TEST_CASE(what_compared_nothing_is_unknown) {
  const CheckResult result = Tally("edges", Proof::bitwise).result();

  BOOST_TEST((result.outcome == Outcome::unknown));
  BOOST_TEST(result.reason == "nothing was compared");
}

BOOST_AUTO_TEST_CASE(one_thing_unknown_is_enough_and_the_first_is_told) {
  Tally tally("plan_units", Proof::bitwise);
  tally.add(1000, 0, Proof::bitwise);
  tally.unknown("no bound");
  tally.unknown("no input");

  BOOST_TEST((tally.result().outcome == Outcome::unknown));
  BOOST_TEST((tally.result().proof == Proof::unknown));
  BOOST_TEST(tally.result().reason == "no bound");
}

BOOST_AUTO_TEST_CASE(a_check_that_fails_says_why_whatever_was_unknown_before) {
  Tally unit("plan_units", Proof::bitwise);
  unit.unknown("no bound");
  unit.fail(Failure{}, "wrong");
  unit.fail(Failure{}, "wrong too");
  Tally count("collectives", Proof::bitwise);
  count.unknown("no bound");
  count.fail("one too many");

  BOOST_TEST((unit.result().outcome == Outcome::fail));
  BOOST_TEST(unit.result().reason == "wrong");
  BOOST_TEST(count.result().reason == "one too many");
}

BOOST_AUTO_TEST_CASE(only_what_has_nothing_to_say_is_not_required) {
  BOOST_TEST(Tally("edges", Proof::bitwise).result().required);
  BOOST_TEST(not_run("edges", "no trace").required);
  BOOST_TEST(!not_required("replicas", "one rank").required);
  BOOST_TEST((not_required("replicas", "one rank").outcome == Outcome::not_run));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::reports
