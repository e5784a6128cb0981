// What a seed shows, of a laboratory that says what it is told to.
#include "scenarios/random/draw.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/scenarios/random/laboratory.hpp"

namespace shardproof::tests {
namespace {

using Result = Draw::Result;

// The first seed whose clean scenario is such a one.
std::uint64_t seed_of(const std::function<bool(const RandomScenario&)>& is_wanted) {
  std::uint64_t seed = 1;
  while (!is_wanted(random_scenario(seed))) ++seed;
  return seed;
}

BOOST_AUTO_TEST_SUITE(draws)

BOOST_AUTO_TEST_CASE(a_clean_scenario_must_get_what_it_deserves) {
  const std::uint64_t plain =
      seed_of([](const RandomScenario& r) { return r.deserved == Deserved::pass && !r.before; });
  const std::uint64_t skipped =
      seed_of([](const RandomScenario& r) { return r.deserved == Deserved::unknown; });
  const Outcome unknown{"unknown", {"optimizer"}, "", "", "no update"};

  BOOST_CHECK(draw_clean(plain, that_says(pass)).result == Result::right);
  BOOST_CHECK(draw_clean(plain, that_says(unknown)).result == Result::wrong);
  BOOST_CHECK(draw_clean(plain, that_says(fail_at("x"))).result == Result::wrong);
  BOOST_CHECK(draw_clean(plain, that_says({"refused", {}, "", "", ""})).result == Result::wrong);
  BOOST_CHECK(draw_clean(skipped, that_says(unknown)).result == Result::right);
  BOOST_CHECK(draw_clean(skipped, that_says(pass)).result == Result::wrong);
}

BOOST_AUTO_TEST_CASE(what_was_run_is_what_is_kept) {
  const std::uint64_t seed = seed_of([](const RandomScenario& r) {
    return r.scenario.find("reduction")->text == "library" && !r.before;
  });

  BOOST_TEST(draw_clean(seed, that_says(pass)).scenario.find("reduction")->text == "ring");
}

BOOST_AUTO_TEST_CASE(what_goes_on_from_a_checkpoint_gets_the_one_that_was_saved) {
  const std::uint64_t seed = seed_of([](const RandomScenario& r) { return r.before.has_value(); });

  BOOST_TEST(draw_clean(seed, that_says(pass)).scenario.find("resume")->text == "/checkpoint");
}

BOOST_AUTO_TEST_CASE(a_defect_must_be_named_where_it_is) {
  const Draw drawn = draw_faulty(5, that_says(pass));
  const std::string op = drawn.scenario.find("inject")->elements.at(0).find("op")->text;

  BOOST_CHECK(drawn.result == Result::wrong);
  BOOST_TEST(drawn.expected == "fail at " + op);
  BOOST_CHECK(draw_faulty(5, that_says(fail_at(op))).result == Result::right);
  BOOST_CHECK(draw_faulty(5, that_says(fail_at("elsewhere"))).result == Result::wrong);
  BOOST_CHECK(draw_faulty(5, that_says({"unknown", {}, "", op, ""})).result == Result::wrong);
  BOOST_TEST(text_of(drawn).find("pass, expected fail at " + op) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_a_pass_may_be_excused_and_only_if_no_bit_is_another) {
  BOOST_CHECK(draw_faulty(5, that_says(pass, /*has_effect=*/false)).result ==
              Result::without_effect);
  BOOST_CHECK(draw_faulty(5, that_says(fail_at("elsewhere"), false)).result == Result::wrong);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
